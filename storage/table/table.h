// SPDX-License-Identifier: MIT
// The keys of one database in one partition: segments behind a directory that doubles (extendible hashing).
//
// The directory is indexed by the first bits of the local position. A full segment splits in two by its next bit, so
// no insertion ever moves more than a segment's thousand cells; two buddies that have become small merge again. The
// order of the directory is the order of the hash, which is the order in which SCAN walks.
//
// Threads: guarded by the partition.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/index/directed_key.h"
#include "storage/table/prefix_usage.h"
#include "storage/table/segment.h"

namespace ringkv::storage {

class MutableEntry;
class TableIndex;

class alignas(64) Table {
 public:
  // `prefixes` must outlive the table. `expected` keys fit without growth.
  explicit Table(const PrefixList& prefixes, size_t expected = 0);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  size_t keys() const { return keys_; }
  size_t volatile_keys() const { return volatile_keys_; }
  // Keys with fields that expire.
  size_t field_expiry_keys() const { return field_expiry_keys_; }
  // The sum of their expiry times in milliseconds since 1970, which may be close to the limit of 64 bits.
  __int128 expiry_sum() const { return expiry_sum_; }
  size_t TableBytes() const;

  Segment* SegmentFor(uint32_t local_position) const { return directory_[IndexOf(local_position)]; }

  // Takes ownership of the entry; its key must not exist. Returns its cell, which is valid until the next insertion or
  // removal.
  struct Inserted {
    Segment* segment;
    const Cell* cell;
  };
  Inserted Insert(uint32_t local_position, MutableEntry* entry);
  // Passes ownership of the entry to the caller. The segment may be destroyed.
  MutableEntry* Remove(Segment* segment, const Cell* cell);
  void Replace(Segment* segment, const Cell* cell, const Expiries& before, MutableEntry* entry);

  // Notes that the entry of this key has grown by `by` bytes; negative: shrunk.
  void NoteGrowth(std::string_view key, int64_t by);
  // Per prefix; empty without prefixes.
  const std::vector<PrefixSize>& prefix_sizes() const { return prefix_sizes_; }

  // Segments in hash order: the one of `local_position`, and the first position after it (2^32 after the last one).
  struct Stretch {
    Segment* segment;
    uint64_t end;
  };
  Stretch StretchAt(uint32_t local_position) const;

  // Calls `visit(const Cell&)` for about `*budget` keys in hash order from `from` on, and decrements the budget by
  // their number. Returns the next position; none at the end.
  template <typename Visitor>
  std::optional<uint64_t> Walk(uint64_t from, size_t* budget, Visitor&& visit) const {
    std::vector<const Cell*> cells;
    for (uint64_t at = from; at < uint64_t{1} << 32;) {
      const Stretch stretch = StretchAt(static_cast<uint32_t>(at));
      cells.clear();
      stretch.segment->ForEach([&](const Cell& cell) {
        if (cell.local_position() >= at) cells.push_back(&cell);
      });
      uint64_t end = stretch.end;
      if (cells.size() > *budget) {
        // The first `budget` keys in hash order; keys at the same position stay together.
        const auto nth = cells.begin() + static_cast<std::ptrdiff_t>(*budget - 1);
        std::nth_element(cells.begin(), nth, cells.end(),
                         [](const Cell* a, const Cell* b) { return a->local_position() < b->local_position(); });
        end = uint64_t{(*nth)->local_position()} + 1;
      }
      for (const Cell* cell : cells) {
        if (cell->local_position() < end) visit(*cell);
      }
      *budget -= std::min(*budget, cells.size());
      at = end;
      if (*budget == 0) return at;
    }
    return std::nullopt;
  }
  // All keys, in an unspecified order.
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    const Segment* last = nullptr;  // a segment may have several adjacent directory slots
    for (const Segment* segment : directory_) {
      if (segment != last) segment->ForEach(visit);
      last = segment;
    }
  }

  // Calls `visit(const Cell&)` for up to `count` random keys of a segment, at most 16; optionally only keys with an
  // expiry. False if there is none.
  template <typename Visitor>
  bool Sample(Random& random, size_t count, bool volatile_only, Visitor&& visit) const {
    if ((volatile_only ? volatile_keys_ : keys_) == 0) return false;
    uint64_t at = random.Below(uint64_t{1} << 32);
    for (size_t looked_at = 0; looked_at <= segments_; ++looked_at) {
      const Stretch stretch = StretchAt(static_cast<uint32_t>(at));
      if (stretch.segment->Sample(random, count, volatile_only, visit) > 0) return true;
      at = stretch.end;  // behind the last one the conversion to 32 bits begins anew
    }
    return false;
  }

  // A random segment with an expiry, and its first position. Null if there is none.
  const Segment* SampleVolatile(Random& random, uint32_t* first) const {
    if (volatile_keys_ == 0) return nullptr;
    uint64_t at = random.Below(uint64_t{1} << 32);
    for (size_t looked_at = 0; looked_at <= segments_; ++looked_at) {
      const Stretch stretch = StretchAt(static_cast<uint32_t>(at));
      *first = static_cast<uint32_t>(stretch.end - (uint64_t{1} << (32 - stretch.segment->depth())));
      if (stretch.segment->volatile_keys() > 0) return stretch.segment;
      at = stretch.end;
    }
    return nullptr;
  }

  // Calls `visit(const Cell&)` for each key at the position; there is rarely more than one.
  template <typename Visitor>
  void VisitAt(uint32_t local_position, Visitor&& visit) const {
    SegmentFor(local_position)->VisitAt(local_position, visit);
  }
  // The only key at the position; null data if there is none or several.
  std::string_view KeyAt(uint32_t local_position) const;

  // Key indexes, which the table updates from their first slice on; null if there is none.
  TableIndex* index(Direction direction) const { return indexes_[static_cast<size_t>(direction)].get(); }
  // Prefetches what they need for a key that will be inserted soon.
  void PrefetchIndexes() const {
    for (const auto& index : indexes_) {
      if (index == nullptr) continue;
      const auto* const at = reinterpret_cast<const char*>(index.get());
      for (size_t line = 0; line < 3; ++line) __builtin_prefetch(at + 64 * line);
    }
  }
  // Starts an index, which must not exist yet.
  TableIndex* AddIndex(Direction direction);
  // Removes the index; the caller frees it, after releasing the lock.
  std::unique_ptr<TableIndex> TakeIndex(Direction direction);

  // No item of any segment is due before this. Recomputed by a walk, lowered by insertions.
  DueTime next_due() const { return next_due_; }
  void set_next_due(DueTime due) { next_due_ = due; }

  size_t segments() const { return segments_; }

  // Changes whenever cells may have moved: earlier look-ups must be repeated.
  uint64_t version() const { return version_; }

 private:
  size_t IndexOf(uint32_t local_position) const {
    return static_cast<size_t>((uint64_t{local_position} << depth_) >> 32);
  }
  void Split(Segment* segment, uint32_t local_position);
  void MergeWithBuddy(Segment* segment, uint32_t local_position);
  void PointAt(Segment* segment, uint32_t local_position);

  bool HasIndex() const { return indexes_[0] != nullptr || indexes_[1] != nullptr; }
  template <typename Function>
  void ForEachIndex(Function&& function) {
    for (const auto& index : indexes_) {
      if (index != nullptr) function(*index);
    }
  }

  // Adds an entry to the statistics of its prefixes; `sign` -1: removes it.
  void CountPrefixes(const Entry& entry, int64_t sign);

  // What look-ups read and changes write fills one cache line, which passes from core to core with the lock.
  __int128 expiry_sum_ = 0;
  std::vector<Segment*> directory_;
  unsigned depth_ = 0;  // the directory has 2^depth_ places
  DueTime next_due_ = kNeverDue;
  size_t volatile_keys_ = 0;
  uint64_t version_ = 0;

  size_t keys_ = 0;
  uint32_t segments_ = 1;
  uint32_t field_expiry_keys_ = 0;
  const PrefixList& prefixes_;
  std::vector<PrefixSize> prefix_sizes_;
  std::array<std::unique_ptr<TableIndex>, kDirections> indexes_;
};

}  // namespace ringkv::storage
