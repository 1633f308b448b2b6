// SPDX-License-Identifier: MIT
// The members of a large collection, with or without values: a table of entries like those of the keyspace, so it grows
// in small steps and cursors stay valid.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "storage/base/text_list.h"
#include "storage/table/table.h"

namespace ringkv::storage {

class MemberTable {
 public:
  // `seed`: the hash seed of the data set, so that cursors stay valid across a restart. `expected` members fit without
  // growth.
  explicit MemberTable(uint64_t seed, size_t expected = 0);

  size_t size() const { return table_.keys(); }
  size_t bytes() const;
  // Of the members alone.
  size_t entry_bytes() const { return entry_bytes_; }

  // Null if it does not exist. Valid until the member changes.
  const Entry* Find(std::string_view name) const;
  // Adds the member, if it does not exist. Returns its entry, and whether it is new.
  std::pair<const Entry*, bool> Add(std::string_view name, std::string_view value);
  // Adds the member or sets its value, and its expiry. Returns its entry, and whether it is new.
  std::pair<const Entry*, bool> Put(std::string_view name, std::string_view value, UnixMs expiry = kNoExpiry);
  // False if it does not exist. kNoExpiry: it does not expire any more.
  bool SetExpiry(std::string_view name, UnixMs expiry);
  // What to prefetch for a name some time before it is looked for or added.
  const char* BucketAddress(std::string_view name) const {
    const uint32_t position = PositionOf(name);
    return table_.SegmentFor(position)->BucketAddress(position);
  }
  // False if it does not exist.
  bool Erase(std::string_view name);

  // Members that expire. Nothing happens to them but that GatherExpired tells their names.
  size_t expiring() const { return table_.volatile_keys(); }
  // None of them expires before it.
  UnixMs NextExpiry() const;
  // Adds the names of up to `most` members that expired half a second ago to `names`; the caller erases them. A look at
  // many more members than that goes on where the last one ended, and until then NextExpiry is long ago. Returns the
  // effort, in members.
  size_t GatherExpired(UnixMs now, size_t most, TextList* names);

  // A random member; the table must not be empty.
  const Entry& Random(storage::Random& random) const;

  // Calls `visit(const Entry&)` for `count` random members, of which some may be the same.
  template <typename Visitor>
  void PickRepeated(storage::Random& random, size_t count, Visitor&& visit) const {
    std::array<const Entry*, 16> picked;
    for (size_t left = count; left > 0;) {
      const size_t now = std::min(left, picked.size());
      // Their memory is fetched at the same time.
      for (size_t i = 0; i < now; ++i) {
        picked[i] = &Random(random);
        __builtin_prefetch(picked[i]);
      }
      for (size_t i = 0; i < now; ++i) visit(*picked[i]);
      left -= now;
    }
  }

  // Calls `visit(const Entry&)` for `count` distinct random members; fast if `count` is small against the size.
  template <typename Visitor>
  void PickDistinct(storage::Random& random, size_t count, Visitor&& visit) const {
    std::unordered_set<const Entry*> taken;
    while (taken.size() < count) {
      const Entry& picked = Random(random);
      if (taken.insert(&picked).second) visit(picked);
    }
  }

  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    table_.ForEach([&](const Cell& cell) { visit(*cell.entry()); });
  }
  // Calls `visit(const Entry&)` for about `count` members from `cursor` on. Returns the next cursor, 0 at the end.
  template <typename Visitor>
  uint64_t Scan(uint64_t cursor, size_t count, Visitor&& visit) const {
    size_t budget = std::max<size_t>(count, 1);
    const std::optional<uint64_t> next = table_.Walk(cursor, &budget, [&](const Cell& cell) { visit(*cell.entry()); });
    return next && *next < uint64_t{1} << 32 ? *next : 0;
  }

 private:
  uint32_t PositionOf(std::string_view name) const;
  // Of a name that is not there yet.
  const Entry* Insert(uint32_t position, std::string_view name, std::string_view value, UnixMs expiry);

  const uint64_t seed_;
  Table table_;
  size_t entry_bytes_ = 0;
  uint64_t gathered_to_ = 0;  // the position where GatherExpired goes on; 0: with the first one
};

}  // namespace ringkv::storage
