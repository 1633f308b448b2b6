// SPDX-License-Identifier: MIT
// A key's bytes in the order of an index: from the beginning, or from the end.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace ringkv::storage {

enum class Direction : uint8_t {
  kForward,   // for searches by prefix
  kBackward,  // for searches by suffix
};
constexpr size_t kDirections = 2;
constexpr Direction kBothDirections[kDirections] = {Direction::kForward, Direction::kBackward};

class DirectedKey {
 public:
  DirectedKey(std::string_view key, Direction direction) : key_(key), direction_(direction) {}

  size_t size() const { return key_.size(); }

  // The eight bytes from `offset` on as a number with the same order; padded with zeros.
  uint64_t Head(size_t offset) const {
    if (offset >= key_.size()) return 0;
    const size_t left = key_.size() - offset;
    const size_t count = std::min(left, sizeof(uint64_t));
    uint64_t bytes = 0;
    if (direction_ == Direction::kForward) {
      Copy(&bytes, key_.data() + offset, count);
      return __builtin_bswap64(bytes);
    }
    Copy(reinterpret_cast<char*>(&bytes) + sizeof bytes - count, key_.data() + left - count, count);
    return bytes;
  }

  // The first `count` bytes in this order.
  std::string First(size_t count) const {
    std::string bytes(key_.substr(direction_ == Direction::kForward ? 0 : key_.size() - count, count));
    if (direction_ == Direction::kBackward) std::reverse(bytes.begin(), bytes.end());
    return bytes;
  }

 private:
  // Mostly of eight bytes, which takes no call.
  static void Copy(void* to, const char* from, size_t count) {
    count == sizeof(uint64_t) ? std::memcpy(to, from, sizeof(uint64_t)) : std::memcpy(to, from, count);
  }

  std::string_view key_;
  Direction direction_;
};

static_assert(std::endian::native == std::endian::little);

// The length of the common prefix.
inline size_t SharedBytes(const DirectedKey& a, const DirectedKey& b) {
  const size_t most = std::min(a.size(), b.size());
  for (size_t at = 0; at < most; at += sizeof(uint64_t)) {
    const uint64_t difference = a.Head(at) ^ b.Head(at);
    if (difference != 0) return std::min(most, at + static_cast<size_t>(std::countl_zero(difference)) / 8);
  }
  return most;
}

// Negative, zero or positive if `a` is before, equal to or after `b`; their first `from` bytes are known to be equal.
inline int CompareFrom(const DirectedKey& a, const DirectedKey& b, size_t from) {
  const size_t most = std::min(a.size(), b.size());
  for (size_t at = from; at < most; at += sizeof(uint64_t)) {
    const uint64_t x = a.Head(at);
    const uint64_t y = b.Head(at);
    // Padding sorts shorter keys first.
    if (x != y) return x < y ? -1 : 1;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

}  // namespace ringkv::storage
