// SPDX-License-Identifier: MIT
// About a thousand keys whose positions share their first `depth` bits: a small hopscotch table of pointers, kept in
// the order of the hash as far as the neighbourhood allows.
//
// A cell has ten bytes: the local position (32 bits) and the entry's address (48 bits). So growing, splitting
// and walking never touch the entries, and a look-up touches one entry: the right one.
//
// Threads: guarded by the partition.
#pragma once

#include <tsl/hopscotch_set.h>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "storage/base/allocator.h"
#include "storage/base/random.h"
#include "storage/entry/entry.h"
#include "storage/entry/field_expiry.h"
#include "storage/table/expiry_queue.h"

namespace ringkv::storage {

class MutableEntry;

// A pointer with the bits of the hash that order it. The entry it points to may be replaced by another with the same
// key, hence `mutable`: the set never looks at anything else.
class Cell {
 public:
  Cell(uint32_t local_position, MutableEntry* entry) {
    position_[0] = static_cast<uint16_t>(local_position);
    position_[1] = static_cast<uint16_t>(local_position >> 16);
    set_entry(entry);
  }
  uint32_t local_position() const { return position_[0] | (static_cast<uint32_t>(position_[1]) << 16); }
  const Entry* entry() const { return reinterpret_cast<const Entry*>(Address()); }
  // The same, for code that includes mutable_entry.h and may change it.
  MutableEntry* mutable_entry() const { return reinterpret_cast<MutableEntry*>(Address()); }
  void set_entry(MutableEntry* entry) const {
    const auto address = reinterpret_cast<uint64_t>(entry);
    address_[0] = static_cast<uint16_t>(address);
    address_[1] = static_cast<uint16_t>(address >> 16);
    address_[2] = static_cast<uint16_t>(address >> 32);
  }

 private:
  uint64_t Address() const {
    return address_[0] | (static_cast<uint64_t>(address_[1]) << 16) | (static_cast<uint64_t>(address_[2]) << 32);
  }

  uint16_t position_[2];
  mutable uint16_t address_[3];
};
static_assert(sizeof(Cell) == 10);

// Stores the address of the table's buckets for prefetching; the table does not expose it.
template <typename T>
class BucketAllocator {
 public:
  using value_type = T;
  explicit BucketAllocator(const void** buckets) : buckets_(buckets) {}
  template <typename U>
  BucketAllocator(const BucketAllocator<U>& other) : buckets_(other.buckets()) {}

  T* allocate(size_t count) {
    T* memory = std::allocator<T>().allocate(count);
    // Nodes of the overflow list come one by one and are of another size.
    if constexpr (sizeof(T) == kBucketBytes) *buckets_ = memory;
    return memory;
  }
  void deallocate(T* memory, size_t count) { std::allocator<T>().deallocate(memory, count); }
  const void** buckets() const { return buckets_; }
  bool operator==(const BucketAllocator& other) const { return buckets_ == other.buckets_; }

  static constexpr size_t kBucketBytes = sizeof(Cell) + sizeof(uint16_t);

 private:
  const void** buckets_;
};

class Segment {
 public:
  // A full segment splits at the next insertion.
  static constexpr size_t kFull = 1024;
  static constexpr unsigned kDeepest = 30;

  // `expected` keys fit without growth. `depth`: the number of leading bits of the local position that its keys share.
  Segment(unsigned depth, size_t expected)
      : cells_(BucketsFor(expected), CellHash(depth), CellEqual(), BucketAllocator<Cell>(&buckets_)),
        depth_(depth & 0xffu) {
    cells_.max_load_factor(kMaxLoad);
  }
  // Frees its entries.
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  unsigned depth() const { return depth_; }
  size_t size() const { return cells_.size(); }
  bool IsFull() const { return cells_.size() >= kFull && depth_ < kDeepest; }
  size_t volatile_keys() const { return volatile_keys_; }
  // Keys with fields that expire.
  size_t field_expiry_keys() const { return field_expiry_keys_; }
  const ExpiryQueue& expiries() const { return expiries_; }
  DueTime NextDue() const { return expiries_.NextDue(); }
  ExpiryQueue::Item PopDue() { return expiries_.PopFirst(); }
  size_t TableBytes() const;

  // The cell of `key`, or null. Valid until the next insertion or removal in this segment.
  const Cell* Find(std::string_view key, uint32_t local_position) const {
    const auto found = cells_.find(Probe{key, local_position}, CellHash(depth_).Of(local_position));
    return found == cells_.end() ? nullptr : &*found;
  }

  // Addresses to prefetch for a key: its bucket first, and when that is in the cache, its entry (null if there is
  // none). The caller does the prefetching, because GCC removes a function that only prefetches.
  const char* BucketAddress(uint32_t local_position) const { return BucketOf(CellHash(depth_).Of(local_position)); }
  const char* EntryAddress(uint32_t local_position) const {
    const auto found = cells_.find(PositionProbe{local_position}, CellHash(depth_).Of(local_position));
    return found == cells_.end() ? nullptr : reinterpret_cast<const char*>(found->entry());
  }

  // Calls `visit(const Cell&)` for each key at the position.
  template <typename Visitor>
  void VisitAt(uint32_t local_position, Visitor&& visit) const {
    cells_.find(VisitProbe<Visitor>{local_position, visit}, CellHash(depth_).Of(local_position));
  }

  // Takes ownership of the entry, whose key must not exist yet.
  const Cell* Insert(uint32_t local_position, MutableEntry* entry);
  // Passes ownership of the entry to the caller.
  MutableEntry* Remove(const Cell* cell);
  // Replaces the entry in the cell by another one with the same key, or notes that its expiries have changed, and
  // updates the expiry queue.
  void Replace(const Cell* cell, const Expiries& before, MutableEntry* entry);

  // A key at this position that has expired by `now`, or null.
  const Cell* FindExpiredAt(uint32_t local_position, UnixMs now) const {
    const auto found = cells_.find(ExpiredProbe{local_position, now}, CellHash(depth_).Of(local_position));
    return found == cells_.end() ? nullptr : &*found;
  }
  // A hash at the position of which fields may have expired by `now`, or null.
  const Cell* FindWithExpiredFields(uint32_t local_position, UnixMs now) const {
    const auto found = cells_.find(ExpiredFieldsProbe{local_position, now}, CellHash(depth_).Of(local_position));
    return found == cells_.end() ? nullptr : &*found;
  }
  // A key at the position with an expiry up to `by`, or null.
  const Cell* FindDueAt(uint32_t local_position, DueTime by) const {
    const auto found = cells_.find(DueProbe{local_position, by}, CellHash(depth_).Of(local_position));
    return found == cells_.end() ? nullptr : &*found;
  }
  // Queues the position for the earliest expiry of its keys and their fields, if there is one, but not before
  // `earliest`, so that the position is not visited again at once.
  void QueueAgain(uint32_t local_position, DueTime earliest);

  // Calls `visit(const Cell&)` for up to `count` random keys, at most 16; optionally only keys with an expiry. Returns
  // the number. Costs a few buckets, for any number of keys and of expiries.
  template <typename Visitor>
  size_t Sample(Random& random, size_t count, bool volatile_only, Visitor&& visit) const {
    constexpr size_t kAtOnce = 16;
    std::array<const Cell*, kAtOnce> found;
    const size_t picked = Pick(random, std::min(count, kAtOnce), volatile_only, found.data());
    for (size_t i = 0; i < picked; ++i) visit(*found[i]);
    return picked;
  }

  // Calls `visit(const Cell&)` for every key, in an unspecified order.
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    for (const Cell& cell : cells_) visit(cell);
  }

  // Moves all entries into two segments, by the next bit of the position after the shared ones.
  void SplitInto(Segment& low, Segment& high);
  // Moves all entries into a segment that is one bit shallower.
  void MoveInto(Segment& shallower);
  // Drops its entries without freeing them.
  void Abandon() { cells_.clear(); }

 private:
  static constexpr float kMaxLoad = 0.875f;

  struct Probe {
    std::string_view key;
    uint32_t local_position;
  };

  struct PositionProbe {
    uint32_t local_position;
  };
  struct ExpiredProbe {
    uint32_t local_position;
    UnixMs now;
  };
  struct ExpiredFieldsProbe {
    uint32_t local_position;
    UnixMs now;
  };
  struct DueProbe {
    uint32_t local_position;
    DueTime by;
  };
  // Equal to nothing: leaves the earliest expiry of the keys at the position, and their fields, in `*expiry`.
  struct EarliestExpiryProbe {
    uint32_t local_position;
    UnixMs* expiry;
  };

  // Equal to nothing, so that the search comes to all of them.
  template <typename Visitor>
  struct VisitProbe {
    uint32_t local_position;
    Visitor& visit;
  };
  // Equal to what `stop` says so of, among all that belong into a bucket.
  template <typename Stop>
  struct BucketProbe {
    Stop& stop;
  };

  // The bits behind the shared ones order the buckets.
  class CellHash {
   public:
    explicit CellHash(unsigned depth) : depth_(depth) {}
    size_t Of(uint32_t local_position) const { return static_cast<uint32_t>(uint64_t{local_position} << depth_); }
    size_t operator()(const Cell& cell) const { return Of(cell.local_position()); }
    template <typename AnyProbe>
    size_t operator()(const AnyProbe& probe) const {
      return Of(probe.local_position);
    }

   private:
    unsigned depth_;
  };

  struct CellEqual {
    using is_transparent = void;
    bool operator()(const Cell& a, const Cell& b) const {
      return a.local_position() == b.local_position() && a.entry()->KeyEquals(b.entry()->key());
    }
    bool operator()(const Cell& a, const Probe& b) const {
      return a.local_position() == b.local_position && a.entry()->KeyEquals(b.key);
    }
    bool operator()(const Cell& a, const PositionProbe& b) const { return a.local_position() == b.local_position; }
    bool operator()(const Cell& a, const ExpiredProbe& b) const {
      return a.local_position() == b.local_position && a.entry()->IsExpired(b.now);
    }
    bool operator()(const Cell& a, const ExpiredFieldsProbe& b) const {
      return a.local_position() == b.local_position && a.entry()->has_field_expiry() &&
             NextFieldExpiry(*a.entry()) <= b.now;
    }
    bool operator()(const Cell& a, const DueProbe& b) const {
      return a.local_position() == b.local_position && a.entry()->has_expiry() &&
             DueTimeOf(a.entry()->expiry()) <= b.by;
    }
    bool operator()(const Cell& a, const EarliestExpiryProbe& b) const {
      if (a.local_position() != b.local_position) return false;
      const Expiries expiries = ExpiriesOf(*a.entry());
      for (const UnixMs expiry : {expiries.key, expiries.fields}) {
        if (expiry != kNoExpiry) *b.expiry = *b.expiry == kNoExpiry ? expiry : std::min(*b.expiry, expiry);
      }
      return false;
    }
    template <typename Visitor>
    bool operator()(const Cell& a, const VisitProbe<Visitor>& b) const {
      if (a.local_position() == b.local_position) b.visit(a);
      return false;
    }
    template <typename Stop>
    bool operator()(const Cell& a, const BucketProbe<Stop>& b) const {
      return b.stop(a);
    }
    template <typename AnyProbe>
    bool operator()(const AnyProbe& a, const Cell& b) const {
      return (*this)(b, a);
    }
  };

  // Buckets in proportion to the hash (multiply and shift: monotone, no division). They grow by an eighth or a little
  // more, to what fills an allocation: tables that double are half empty after each split.
  class GrowByAnEighth {
   public:
    explicit GrowByAnEighth(size_t& bucket_count) : buckets_(bucket_count) {}
    size_t bucket_for_hash(size_t hash) const noexcept { return (hash * buckets_) >> 32; }
    size_t next_bucket_count() const { return FillAllocation(buckets_ + buckets_ / 8 + 4); }
    size_t max_bucket_count() const { return size_t{1} << 31; }
    void clear() noexcept { buckets_ = 0; }

   private:
    size_t buckets_;
  };

  static constexpr size_t kNeighbours = 14;

  // The number of buckets that fit into the allocation for `buckets`; the table adds the last neighbourhood.
  static size_t FillAllocation(size_t buckets) {
    constexpr size_t kBytes = BucketAllocator<Cell>::kBucketBytes;
    return AllocationSize((buckets + kNeighbours - 1) * kBytes) / kBytes - (kNeighbours - 1);
  }
  static size_t BucketsFor(size_t expected) {
    return FillAllocation(static_cast<size_t>(static_cast<float>(expected) / kMaxLoad) + 2);
  }
  // With 14 neighbours the bitmap of a bucket has two bytes, and a bucket twelve.
  using CellSet =
      tsl::hopscotch_set<Cell, CellHash, CellEqual, BucketAllocator<Cell>, kNeighbours, false, GrowByAnEighth>;

  // Fills `found` with up to `most` keys and returns their number: from the expiry queue if few keys have an expiry,
  // else from buckets.
  size_t Pick(Random& random, size_t most, bool volatile_only, const Cell** found) const;
  size_t PickQueued(Random& random, size_t most, const Cell** found) const;
  size_t PickOne(Random& random, const Cell** found) const;
  size_t PickScattered(Random& random, size_t most, bool volatile_only, const Cell** found) const;
  size_t PickByCounting(Random& random, bool volatile_only, const Cell** found) const;
  const char* BucketOf(size_t hash) const {
    return static_cast<const char*>(buckets_) +
           ((hash * cells_.bucket_count()) >> 32) * BucketAllocator<Cell>::kBucketBytes;
  }
  // Calls `stop(const Cell&)` for the keys of a hash's bucket, until it returns true.
  template <typename Stop>
  void VisitBucket(size_t hash, Stop& stop) const {
    cells_.find(BucketProbe<Stop>{stop}, hash);
  }
  void QueueExpiry(UnixMs expiry, uint32_t local_position);
  void CountFieldExpiry(uint32_t by) { field_expiry_keys_ = (field_expiry_keys_ + by) & 0xffffffu; }
  void QueueIfEarlier(UnixMs before, UnixMs now, uint32_t local_position);
  void RebuildExpiries();

  const void* buckets_ = nullptr;  // of cells_; before it, because its construction sets this
  CellSet cells_;
  ExpiryQueue expiries_;
  uint32_t volatile_keys_ = 0;
  // In one word: most segments belong to collections, whose members have no fields.
  const uint32_t depth_ : 8;
  uint32_t field_expiry_keys_ : 24 = 0;
};

}  // namespace ringkv::storage
