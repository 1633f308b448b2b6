// SPDX-License-Identifier: MIT
// Numbers of INCRBYFLOAT and HINCRBYFLOAT: read and written with the precision of a long double, as redis-server does.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringkv::server {

// Nothing for what is no number, and for what no long double can hold.
std::optional<long double> ParseLongDouble(std::string_view text);

// Up to 17 digits behind the point, without trailing zeros: as people write numbers.
std::string FormatLongDouble(long double value);

}  // namespace ringkv::server
