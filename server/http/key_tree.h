// SPDX-License-Identifier: MIT
// Keys as a tree: those that share what comes before a separator are one branch, with its number of keys and bytes.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/entry/entry.h"

namespace ringkv::server::http {

// What one part of a walk finds. The asker adds the parts up, so any part is bounded by the keys that it has visited.
class KeyTree {
 public:
  // Names are cut behind so many bytes, which no prefix exceeds either.
  static constexpr size_t kLongestName = 4096;

  // What may be told of a key besides its name.
  struct Details {
    bool type = true;
    bool bytes = true;
    bool ttl = true;
  };

  // `separator`: empty for a list of keys, without branches.
  KeyTree(std::string prefix, std::string separator) : prefix_(std::move(prefix)), separator_(std::move(separator)) {}

  // A key that begins with the prefix.
  void Add(const storage::Entry& entry, const Details& details, int64_t now_ms);
  // {"branches":[{"name":,"keys":,"bytes":}],"keys":[{"key":,"type":,"bytes":,"ttl":ms}]}, without its brackets. A key
  // whose name is cut has its "length".
  std::string Json() const;

 private:
  struct Branch {
    uint64_t keys = 0;
    uint64_t bytes = 0;
  };

  const std::string prefix_;
  const std::string separator_;
  std::map<std::string, Branch, std::less<>> branches_;
  std::string keys_;  // in JSON
};

}  // namespace ringkv::server::http
