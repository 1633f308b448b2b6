// SPDX-License-Identifier: MIT
// Numbers of INCRBYFLOAT and HINCRBYFLOAT, with the precision of a long double, as in redis-server.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringkv::server {

// None for text that is not a number, or out of range.
std::optional<long double> ParseLongDouble(std::string_view text);

// Up to 17 decimal places, without trailing zeros.
std::string FormatLongDouble(long double value);

}  // namespace ringkv::server
