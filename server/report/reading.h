// SPDX-License-Identifier: MIT
// The value of a metric at one moment: a number or a text. INFO shows the text, Prometheus the number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace ringkv::server {

class Reading {
 public:
  Reading(bool is_true) : value_(static_cast<uint64_t>(is_true)) {}
  Reading(int number) : value_(static_cast<int64_t>(number)) {}
  Reading(uint64_t number) : value_(number) {}
  Reading(int64_t number) : value_(number) {}
  // The number of decimal places in INFO.
  Reading(double number, int digits) : value_(Decimal{number, digits}) {}
  Reading(std::string text) : value_(std::move(text)) {}
  Reading(std::string_view text) : value_(std::string(text)) {}
  Reading(const char* text) : value_(std::string(text)) {}

  std::string Text() const;
  double Number() const;  // of a text: 0

 private:
  struct Decimal {
    double number;
    int digits;
  };
  std::variant<uint64_t, int64_t, Decimal, std::string> value_;
};

// "1.50M": a human-readable number of bytes.
std::string HumanBytes(uint64_t bytes);

}  // namespace ringkv::server
