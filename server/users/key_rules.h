// SPDX-License-Identifier: MIT
// The patterns of keys that a selector allows. They are found by the first bytes of their literal parts, so that a
// check looks at those few that a key can match, however many there are.
//
// Threads: immutable once the permissions are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "server/users/acl_pattern.h"

namespace ringkv::server {

// What a pattern of keys allows, and what a command does to a key.
enum KeyAccess : uint8_t {
  kReadsKey = 1 << 0,
  kWritesKey = 1 << 1,
};

struct KeyRule {
  uint8_t access = kReadsKey | kWritesKey;  // KeyAccess
  AclPattern pattern;
};

class KeyRules {
 public:
  // Adds to what the pattern allows already.
  void Allow(std::string_view pattern, uint8_t access);
  void Clear() { *this = {}; }
  // In the order in which they were added.
  const std::vector<KeyRule>& all() const { return rules_; }

  // Whether one of them allows all of the use.
  bool Permit(std::string_view key, uint8_t use) const {
    const AclName name(key);
    for (const uint64_t mask : masks_) {
      const uint64_t head = name.head() & mask;
      for (size_t at = PlaceOf(head, mask); slots_[at].rule != kNone; at = (at + 1) & (slots_.size() - 1)) {
        if (slots_[at].head != head || slots_[at].mask != mask) continue;
        const KeyRule& rule = rules_[slots_[at].rule];
        if ((rule.access & use) == use && rule.pattern.MatchesBehindHead(key)) return true;
      }
    }
    return false;
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Slot {
    uint64_t head = 0;
    uint64_t mask = 0;
    uint32_t rule = kNone;
  };

  size_t PlaceOf(uint64_t head, uint64_t mask) const {
    constexpr uint64_t kSpread = 0x9e3779b97f4a7c15;  // of Fibonacci hashing
    return static_cast<size_t>(((head ^ mask) * kSpread) >> shift_);
  }
  void Insert(uint32_t rule);
  void Grow();

  std::vector<KeyRule> rules_;
  std::vector<uint64_t> masks_;  // that occur: at most as many as a head has bytes, and one
  std::vector<Slot> slots_;      // a power of two, at least four times as many as rules: most are found at once
  unsigned shift_ = 62;          // leaves as many bits of 64 as number the slots
};

}  // namespace ringkv::server
