// SPDX-License-Identifier: MIT
// Bytes in JSON. Keys and values may be any bytes, and JSON knows only text: what is valid UTF-8 is a string, anything
// else the object {"base64": "..."}, to clients and from them.
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
// A whole document. An error: it is no JSON or nested deeper than anything here needs, or there are more values,
// arrays and objects in it than `most`; no memory is spent on those.
enum class JsonFault : uint8_t { kNoJson, kTooMany };
tl::expected<nlohmann::json, JsonFault> ParseJson(std::string_view text, size_t most);

std::string EncodeBase64(std::string_view bytes);
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace ringkv::server::http
