// SPDX-License-Identifier: MIT
// Commands that change nothing and have a given size: PING, with a message or without.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringkv::server {

constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";

namespace padding {

constexpr std::string_view kPingWith = "*2\r\n$4\r\nPING\r\n";
constexpr int64_t kPingBytes = kPing.size();

// The size of the message with which PING has so many bytes.
inline std::optional<int64_t> MessageSize(int64_t bytes) {
  for (int64_t digits = 1; digits <= 6; ++digits) {
    const int64_t size = bytes - kPingBytes - digits - 5;  // "$", the digits, and two line ends
    if (size >= 0 && static_cast<int64_t>(std::to_string(size).size()) == digits) return size;
  }
  return std::nullopt;
}

}  // namespace padding

// Whether there are commands of so many bytes together.
inline bool IsPadding(int64_t bytes) {
  return bytes == 0 || bytes == padding::kPingBytes || padding::MessageSize(bytes).has_value() ||
         padding::MessageSize(bytes - padding::kPingBytes).has_value();
}

// Appends a command, of no more than about `most` bytes (at least 64), and returns how many bytes are left; they are
// padding too. `bytes` must be padding, and not 0.
inline int64_t AppendPadding(std::string* out, int64_t bytes, int64_t most) {
  int64_t now = bytes;
  if (bytes > 2 * most) {
    now = most;
    while (!padding::MessageSize(now) || !IsPadding(bytes - now)) ++now;
  }
  const std::optional<int64_t> size = padding::MessageSize(now);
  if (!size) {
    out->append(kPing);
    return bytes - padding::kPingBytes;
  }
  out->append(padding::kPingWith).append("$").append(std::to_string(*size)).append("\r\n");
  out->append(static_cast<size_t>(*size), '.').append("\r\n");
  return bytes - now;
}

}  // namespace ringkv::server
