// SPDX-License-Identifier: MIT
// The packed form of a stream in a snapshot and in the log (docs/formats/values.md).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "storage/types/stream.h"

namespace ringkv::storage {

void PackStream(const Stream& stream, std::string* out);

// Whether untrusted bytes are a valid packed stream.
bool IsPackedStream(std::string_view packed);

// Unpacks well-formed bytes.
std::unique_ptr<Stream> UnpackStream(std::string_view packed);

}  // namespace ringkv::storage
