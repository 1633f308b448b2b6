// SPDX-License-Identifier: MIT
// What is counted for keys with certain prefixes, which the configuration names: how many there are, how large they
// are, how they are used.
//
// A key may have several of the prefixes; it counts for each.
//
// Threads: PrefixList is immutable; what is counted is guarded by the partition.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringkv::storage {

class PrefixList {
 public:
  PrefixList() = default;
  explicit PrefixList(std::vector<std::string> prefixes) : prefixes_(std::move(prefixes)) {}

  bool empty() const { return prefixes_.empty(); }
  size_t size() const { return prefixes_.size(); }
  const std::string& operator[](size_t index) const { return prefixes_[index]; }
  // `visit(index)` for each prefix that the key has.
  template <typename Visitor>
  void ForEachOf(std::string_view key, Visitor&& visit) const {
    for (size_t i = 0; i < prefixes_.size(); ++i) {
      if (key.starts_with(prefixes_[i])) visit(i);
    }
  }

 private:
  std::vector<std::string> prefixes_;
};

// Of the keys of a table.
struct PrefixSize {
  uint64_t keys = 0;
  uint64_t bytes = 0;  // of entries: header, key, value
};

// Of the keys of a partition, in every database, since the start or since CONFIG RESETSTAT.
struct PrefixUses {
  uint64_t reads = 0;
  uint64_t hits = 0;
  uint64_t writes = 0;
};

struct PrefixUsage {
  std::string prefix;
  PrefixSize size = {};
  PrefixUses uses = {};
};

}  // namespace ringkv::storage
