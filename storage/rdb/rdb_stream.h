// SPDX-License-Identifier: MIT
// Streams in RDB files and DUMP payloads: written in the form of Redis 7.0, read in all three forms.
#pragma once

#include <string>

#include "storage/rdb/rdb_codec.h"
#include "storage/rdb/rdb_format.h"
#include "storage/types/stream.h"

namespace ringkv::storage {

void PutRdbStream(std::string* out, const Stream& stream);

// False if the bytes are invalid. The stream must be new.
bool ReadRdbStream(RdbInput& in, RdbType type, Stream* stream);

}  // namespace ringkv::storage
