// SPDX-License-Identifier: MIT
#include "server/command/long_double.h"

#include <cctype>
#include <cerrno>
#include <cfloat>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace ringkv::server {

std::optional<long double> ParseLongDouble(std::string_view text) {
  constexpr size_t kLongest = 5 * 1024;
  if (text.empty() || text.size() >= kLongest || std::isspace(static_cast<unsigned char>(text[0]))) return std::nullopt;
  const std::string terminated(text);
  char* end = nullptr;
  errno = 0;
  const long double value = std::strtold(terminated.c_str(), &end);
  if (end != terminated.c_str() + text.size() || std::isnan(value)) return std::nullopt;
  if (errno == ERANGE && (std::isinf(value) || std::fpclassify(value) == FP_ZERO)) return std::nullopt;
  return value;
}

std::string FormatLongDouble(long double value) {
  char text[LDBL_MAX_10_EXP + 32];
  std::string digits(text, static_cast<size_t>(std::snprintf(text, sizeof text, "%.17Lf", value)));
  if (digits.find('.') != std::string::npos) {
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.back() == '.') digits.pop_back();
  }
  return digits == "-0" ? "0" : digits;
}

}  // namespace ringkv::server
