// SPDX-License-Identifier: MIT
// Bytes in JSON. Keys and values may be any bytes, but JSON is text: valid UTF-8 is a string, other bytes are the
// object
// {"base64": "..."}, in both directions.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace ringkv::server::http {

std::string ToJson(std::string_view bytes);
// A string, a number (its text), or {"base64": "..."}.
std::optional<std::string> BytesFromJson(const nlohmann::json& value);
// Parses a document. Errors: invalid JSON, deeper nesting than any request needs, or more than `most` values, arrays
// and objects, which are not allocated.
enum class JsonFault : uint8_t { kNoJson, kTooMany };
tl::expected<nlohmann::json, JsonFault> ParseJson(std::string_view text, size_t most);

std::string EncodeBase64(std::string_view bytes);
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace ringkv::server::http
