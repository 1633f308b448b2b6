// SPDX-License-Identifier: MIT
// Statistics of keys with configured prefixes: number, size, use.
//
// A key that has several of the prefixes counts for each.
//
// Threads: PrefixList is immutable; the counters are guarded by the partition.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/check.h"

namespace ringkv::storage {

class PrefixList {
 public:
  static constexpr size_t kMostPrefixes = 16;

  PrefixList() = default;
  // No prefix is empty.
  explicit PrefixList(const std::vector<std::string>& prefixes) {
    RINGKV_CHECK(prefixes.size() <= kMostPrefixes);
    for (const std::string& text : prefixes) {
      uint16_t& bits = by_first_byte_[static_cast<unsigned char>(text[0])];
      bits = static_cast<uint16_t>(bits | 1u << prefixes_.size());
      std::string head = text.substr(0, sizeof(uint64_t));
      std::string mask(head.size(), '\xff');
      head.resize(sizeof(uint64_t));
      mask.resize(sizeof(uint64_t));
      prefixes_.push_back({text, Word(head), Word(mask)});
    }
  }

  bool empty() const { return prefixes_.empty(); }
  size_t size() const { return prefixes_.size(); }
  const std::string& operator[](size_t index) const { return prefixes_[index].text; }
  // `visit(index)` for each prefix that the key has.
  template <typename Visitor>
  void ForEachOf(std::string_view key, Visitor&& visit) const {
    if (key.empty()) return;
    for (unsigned left = by_first_byte_[static_cast<unsigned char>(key[0])]; left != 0; left &= left - 1) {
      const auto i = static_cast<size_t>(std::countr_zero(left));
      if (IsPrefix(prefixes_[i], key)) visit(i);
    }
  }

 private:
  struct Prefix {
    std::string text;
    uint64_t head;  // its first eight bytes, or fewer
    uint64_t mask;  // the bytes of `head` that are used
  };

  static uint64_t Word(std::string_view bytes) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    return word;
  }
  // One word decides for nearly all keys and prefixes.
  static bool IsPrefix(const Prefix& prefix, std::string_view key) {
    if (key.size() < sizeof(uint64_t)) return key.starts_with(prefix.text);
    if ((Word(key) & prefix.mask) != prefix.head) return false;
    return prefix.text.size() <= sizeof(uint64_t) || key.starts_with(prefix.text);
  }

  std::vector<Prefix> prefixes_;
  std::array<uint16_t, 256> by_first_byte_{};  // one bit per prefix
};

// For the keys of a table.
struct PrefixSize {
  uint64_t keys = 0;
  uint64_t bytes = 0;  // of entries: header, key, value
};

// For the keys of a partition in all databases, since the start or CONFIG RESETSTAT.
struct PrefixUses {
  uint64_t reads = 0;
  uint64_t misses = 0;  // reads of missing keys
  uint64_t writes = 0;
};

struct PrefixUsage {
  std::string prefix;
  PrefixSize size = {};
  PrefixUses uses = {};
};

}  // namespace ringkv::storage
