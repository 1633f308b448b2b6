// SPDX-License-Identifier: MIT
// Bytes in JSON. Keys and values may be any bytes, and JSON knows only text: what is valid UTF-8 is a string, anything
// else the object {"base64": "..."}, to clients and from them.
//
// Threads: pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace ringkv::server::http {

std::string ToJson(std::string_view bytes);
// A string, a number (its text), or {"base64": "..."}.
std::optional<std::string> BytesFromJson(const nlohmann::json& value);
// A whole document; none if it is no JSON, or nested deeper than anything here needs.
std::optional<nlohmann::json> ParseJson(std::string_view text);

std::string EncodeBase64(std::string_view bytes);
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace ringkv::server::http
