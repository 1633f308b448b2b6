// SPDX-License-Identifier: MIT
#include "server/report/reading.h"

#include <cstdio>

namespace ringkv::server {
namespace {

std::string Fixed(double number, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return text;
}

}  // namespace

std::string Reading::Text() const {
  if (const auto* text = std::get_if<std::string>(&value_)) return *text;
  if (const auto* decimal = std::get_if<Decimal>(&value_)) return Fixed(decimal->number, decimal->digits);
  if (const auto* number = std::get_if<int64_t>(&value_)) return std::to_string(*number);
  return std::to_string(std::get<uint64_t>(value_));
}

double Reading::Number() const {
  if (std::holds_alternative<std::string>(value_)) return 0;
  if (const auto* decimal = std::get_if<Decimal>(&value_)) return decimal->number;
  if (const auto* number = std::get_if<int64_t>(&value_)) return static_cast<double>(*number);
  return static_cast<double>(std::get<uint64_t>(value_));
}

std::string HumanBytes(uint64_t bytes) {
  static constexpr std::string_view kUnits = "BKMGTP";
  double shown = static_cast<double>(bytes);
  size_t unit = 0;
  while (shown >= 1024 && unit + 1 < kUnits.size()) {
    shown /= 1024;
    ++unit;
  }
  return unit == 0 ? std::to_string(bytes) + "B" : Fixed(shown, 2) + kUnits[unit];
}

}  // namespace ringkv::server
