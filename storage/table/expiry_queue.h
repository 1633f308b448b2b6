// SPDX-License-Identifier: MIT
// Which keys of a segment expire when, or have fields that do: a binary heap of 8 bytes a key.
//
// An item says "look at this position then", not "this key expires then": a key that was persisted, deleted or given
// more time leaves its item behind, and the look-up that it causes finds that out. Invariant, kept by Segment: each
// key with an expiry, its own or of fields, has an item that is due no later. Items left behind are bounded: the
// segment rebuilds the heap when it is more than twice as long as it has expiries.
//
// Threads: guarded by the partition.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/base/allocator.h"
#include "storage/base/clock.h"

namespace ringkv::storage {

// Time in units of 512 ms since 2020, rounded up, so that an item is never due before its key. What lies beyond the
// range (until 2089) is looked at early and queued again.
using DueTime = uint32_t;
constexpr DueTime kNeverDue = UINT32_MAX;
constexpr UnixMs kDueUnitMs = 512;
constexpr UnixMs kDueEpoch = 1'577'836'800'000;

inline DueTime DueTimeOf(UnixMs expiry) {
  if (expiry <= kDueEpoch) return 0;
  const UnixMs units = (expiry - kDueEpoch + kDueUnitMs - 1) / kDueUnitMs;
  return units >= kNeverDue ? kNeverDue - 1 : static_cast<DueTime>(units);
}

// The first moment that is due then. (What is due at 0 may be so before it.)
constexpr UnixMs FirstMomentOf(DueTime due) { return kDueEpoch + due * kDueUnitMs - (kDueUnitMs - 1); }

// What is due by this has expired for certain at `now`.
inline DueTime DueForCertain(UnixMs now) { return DueTimeOf(now - (kDueUnitMs - 1)); }

class ExpiryQueue {
 public:
  struct Item {
    DueTime due;
    uint32_t local_position;
  };

  void Add(DueTime due, uint32_t local_position) {
    if (items_.size() == items_.capacity()) Grow();
    items_.push_back({due, local_position});
    std::push_heap(items_.begin(), items_.end(), Later);
  }
  DueTime NextDue() const { return items_.empty() ? kNeverDue : items_.front().due; }
  Item PopFirst() {
    std::pop_heap(items_.begin(), items_.end(), Later);
    const Item item = items_.back();
    items_.pop_back();
    if (items_.empty()) std::vector<Item>().swap(items_);
    return item;
  }
  size_t size() const { return items_.size(); }
  const std::vector<Item>& items() const { return items_; }
  void Clear() { std::vector<Item>().swap(items_); }

 private:
  // By an eighth, to what fills an allocation.
  void Grow() {
    const size_t wanted = items_.size() + items_.size() / 8 + 1;
    items_.reserve(AllocationSize(wanted * sizeof(Item)) / sizeof(Item));
  }
  static bool Later(const Item& a, const Item& b) { return a.due > b.due; }

  std::vector<Item> items_;
};

}  // namespace ringkv::storage
