// SPDX-License-Identifier: MIT
// A stream as bytes in a snapshot and in the log (docs/formats/values.md).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "storage/types/stream.h"

namespace ringkv::storage {

void PackStream(const Stream& stream, std::string* out);

// Whether bytes from outside are a packed stream.
bool IsPackedStream(std::string_view packed);

// From well-formed bytes.
std::unique_ptr<Stream> UnpackStream(std::string_view packed);

}  // namespace ringkv::storage
