// SPDX-License-Identifier: MIT
// Scores and coordinates as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringkv::server {

// What strtod reads from the first byte to the last, but no NaN. Nothing else.
std::optional<double> ParseDouble(std::string_view text);
// The shortest of "%.17g", as replies have it; "inf" and "-inf".
std::string FormatDouble(double value);

}  // namespace ringkv::server
