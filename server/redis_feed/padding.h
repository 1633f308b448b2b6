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
constexpr int64_t kPaddingAtOnce = 16 * 1024;

namespace padding {

constexpr std::string_view kPingWith = "*2\r\n$4\r\nPING\r\n";
constexpr int64_t kPingBytes = kPing.size();

constexpr int64_t kEmptyMessageBytes = 20;  // of PING with an empty message
// From here on all sizes are those of commands. A PING with a message lacks one size below each power of ten, where the
// length gets another digit; a PING without a message before it makes up for that.
constexpr int64_t kAllFrom = 31;

// The size of the message with which PING has so many bytes.
inline std::optional<int64_t> MessageSize(int64_t bytes) {
  for (int64_t digits = 1; digits <= 18; ++digits) {
    const int64_t size = bytes - kPingBytes - digits - 5;  // "$", the digits, and two line ends
    if (size < 0) return std::nullopt;
    if (static_cast<int64_t>(std::to_string(size).size()) == digits) return size;
  }
  return std::nullopt;
}

}  // namespace padding

// Whether there are commands of so many bytes together.
constexpr bool IsPadding(int64_t bytes) {
  return bytes == 0 || bytes == padding::kPingBytes ||
         (bytes >= padding::kEmptyMessageBytes && bytes != padding::kAllFrom - 1);
}

// A size that is padding, and with which `missing` (also a negative one) grows to 0 or to a size that is.
constexpr int64_t PaddingBefore(int64_t missing) {
  return IsPadding(missing) ? 0 : std::max<int64_t>(-missing, 0) + padding::kAllFrom;
}

// The bytes of the first command, of no more than about `most` bytes (at least 64). The others are padding too. `bytes`
// must be padding, and not 0.
inline int64_t FirstPadding(int64_t bytes, int64_t most) {
  int64_t first = bytes > 2 * most ? most : bytes;
  if (padding::MessageSize(first)) return first;
  return first < bytes ? first + 1 : padding::kPingBytes;
}

// Appends the first command, and returns how many bytes are left.
inline int64_t AppendPadding(std::string* out, int64_t bytes, int64_t most) {
  const int64_t first = FirstPadding(bytes, most);
  const std::optional<int64_t> size = padding::MessageSize(first);
  if (!size) {
    out->append(kPing);
  } else {
    out->append(padding::kPingWith).append("$").append(std::to_string(*size)).append("\r\n");
    out->append(static_cast<size_t>(*size), '.').append("\r\n");
  }
  return bytes - first;
}

}  // namespace ringkv::server
