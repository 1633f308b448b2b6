// SPDX-License-Identifier: MIT
// Base64 with padding: bytes in JSON and in HTTP headers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringkv::storage {

std::string EncodeBase64(std::string_view bytes);
// Null if the text is none.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace ringkv::storage
