// SPDX-License-Identifier: MIT
// Streams as they stand in RDB files and DUMP payloads: written in the form of Redis 7.0, read in all three.
#pragma once

#include <string>

#include "storage/rdb/rdb_codec.h"
#include "storage/rdb/rdb_format.h"
#include "storage/types/stream.h"

namespace ringkv::storage {

void PutRdbStream(std::string* out, const Stream& stream);

// False if it makes no sense. The stream must be a new one.
bool ReadRdbStream(RdbInput& in, RdbType type, Stream* stream);

}  // namespace ringkv::storage
