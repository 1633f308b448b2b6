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
// A string, or {"base64": "..."}.
std::optional<std::string> BytesFromJson(const nlohmann::json& value);
// Parses a document. Numbers become strings with their digits as written, which a number type does not keep (1e5, 1.0,
// -0, more digits than a double has). Errors: invalid JSON, deeper nesting than any request needs, a number beyond the
// range of a double, a repeated name in an object, or more than `most` values, arrays and objects, which are not
// allocated.
enum class JsonFault : uint8_t { kNoJson, kTooMany, kNameTwice, kNumberTooLarge };
tl::expected<nlohmann::json, JsonFault> ParseJson(std::string_view text, size_t most);

}  // namespace ringkv::server::http
