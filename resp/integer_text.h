// SPDX-License-Identifier: MIT
// 64-bit integers as decimal text, in the one canonical spelling: no sign but '-', no leading zeros, no spaces.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ringkv::resp {

constexpr size_t kLongestInteger = 20;  // -9223372036854775808

// The value of a canonical spelling; nothing for all other text, overflow included.
inline std::optional<int64_t> ParseInteger(std::string_view text) {
  if (text.empty() || text.size() > kLongestInteger) return std::nullopt;
  const size_t first_digit = text[0] == '-' ? 1 : 0;
  if (first_digit == text.size()) return std::nullopt;
  if (text[first_digit] == '0' && text.size() > 1) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Likewise, without a sign.
inline std::optional<uint64_t> ParseUnsigned(std::string_view text) {
  if (text.empty() || text.size() > kLongestInteger || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Writes `value` to `out`, which has room for kLongestInteger bytes. Returns how many were written.
inline size_t FormatInteger(int64_t value, char* out) {
  return static_cast<size_t>(std::to_chars(out, out + kLongestInteger, value).ptr - out);
}

}  // namespace ringkv::resp
