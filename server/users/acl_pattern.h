// SPDX-License-Identifier: MIT
// A pattern of keys or channels.
//
// Threads: immutable once made.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace ringkv::server {

// A key or channel that is compared with many patterns.
class AclName {
 public:
  explicit AclName(std::string_view text) : text_(text) {
    std::memcpy(&head_, text.data(), std::min(text.size(), kHead));
  }

  static constexpr size_t kHead = sizeof(uint64_t);
  std::string_view text() const { return text_; }
  // Its first bytes, with zeros behind its end.
  uint64_t head() const { return head_; }

 private:
  std::string_view text_;
  uint64_t head_ = 0;
};

class AclPattern {
 public:
  explicit AclPattern(std::string_view text);

  const std::string& text() const { return text_; }
  // Most names differ from most patterns in their first bytes, and a user has many patterns.
  bool Matches(const AclName& name) const { return ((name.head() ^ head_) & mask_) == 0 && MatchesWhole(name.text()); }

  bool operator==(const AclPattern& other) const { return text_ == other.text_; }

 private:
  bool MatchesWhole(std::string_view name) const;

  uint64_t head_ = 0;  // first bytes of its literal part
  uint64_t mask_ = 0;  // those that there are
  size_t literal_;     // bytes at its start that stand for themselves
  bool ends_in_star_;  // they are followed by a star and nothing else
  std::string text_;
};

}  // namespace ringkv::server
