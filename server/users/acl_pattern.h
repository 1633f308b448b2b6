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
    if (text.size() >= kHead) [[likely]] {
      std::memcpy(&head_, text.data(), kHead);
    } else if (!text.empty()) {
      std::memcpy(&head_, text.data(), text.size());
    }
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
  // The first bytes of its literal part, and the bits that there are of them.
  uint64_t head() const { return head_; }
  uint64_t mask() const { return mask_; }
  bool Matches(const AclName& name) const {
    return ((name.head() ^ head_) & mask_) == 0 && MatchesBehindHead(name.text());
  }
  // Likewise, for a name whose first bytes are known to match.
  bool MatchesBehindHead(std::string_view name) const {
    if (ends_in_star_ && literal_ <= AclName::kHead) return name.size() >= literal_;  // zeros behind its end are none
    return MatchesWhole(name);
  }

  bool operator==(const AclPattern& other) const { return text_ == other.text_; }

 private:
  bool MatchesWhole(std::string_view name) const;

  uint64_t head_ = 0;
  uint64_t mask_ = 0;
  size_t literal_;     // bytes at its start that stand for themselves
  bool ends_in_star_;  // they are followed by a star and nothing else
  std::string text_;
};

}  // namespace ringkv::server
