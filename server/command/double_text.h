// SPDX-License-Identifier: MIT
// Scores and coordinates as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringkv::server {

// Parses the complete text like strtod, without NaN.
std::optional<double> ParseDouble(std::string_view text);
// The text of a double in replies: the shortest form of "%.17g", "inf" or "-inf".
std::string FormatDouble(double value);

}  // namespace ringkv::server
