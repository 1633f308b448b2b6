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

class Table {
 public:
  // `prefixes` outlives the table.
  explicit Table(const PrefixList& prefixes);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  size_t keys() const { return keys_; }
  size_t volatile_keys() const { return volatile_keys_; }
  // The sum of their times, in milliseconds since 1970: those may lie near the end of what a number can say.
  __int128 expiry_sum() const { return expiry_sum_; }
  size_t TableBytes() const;

  Segment* SegmentFor(uint32_t local_position) const { return directory_[IndexOf(local_position)]; }

  // Takes ownership of the entry; its key must not be there. Returns where it stands: valid until the next insertion
  // or removal.
  struct Inserted {
    Segment* segment;
    const Cell* cell;
  };
  Inserted Insert(uint32_t local_position, MutableEntry* entry);
  // Gives the entry back to the caller. The segment may be gone afterwards.
  MutableEntry* Remove(Segment* segment, const Cell* cell);
  void Replace(Segment* segment, const Cell* cell, UnixMs old_expiry, MutableEntry* entry);

  // The entry of this key takes `by` bytes more, or less.
  void NoteGrowth(std::string_view key, int64_t by);
  // For each of the prefixes; empty if there are none.
  const std::vector<PrefixSize>& prefix_sizes() const { return prefix_sizes_; }

  // Segments in the order of the hash: the one that holds `local_position`, and the first position behind it
  // (2^32 behind the last).
  struct Stretch {
    Segment* segment;
    uint64_t end;
  };
  Stretch StretchAt(uint32_t local_position) const;

  // `visit(const Cell&)` for keys in the order of the hash, from `from` on, until about `*budget` of them were visited,
  // and takes off how many. Returns where to go on; nothing at the end.
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
        // The first `budget` in the order of the hash; keys at the same position stay together.
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
  // All of them, in no promised order.
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    const Segment* last = nullptr;  // a segment stands in neighbouring places of the directory
    for (const Segment* segment : directory_) {
      if (segment != last) segment->ForEach(visit);
      last = segment;
    }
  }

  // `visit(const Cell&)` for up to `count` keys of a segment, and no more than 16, by chance; only for keys with an
  // expiry if so asked. False if there is none.
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

  // `visit(const Cell&)` for each key at the position; there is hardly ever more than one.
  template <typename Visitor>
  void VisitAt(uint32_t local_position, Visitor&& visit) const {
    SegmentFor(local_position)->VisitAt(local_position, visit);
  }
  // The key that stands at the position, if it stands alone there; null data if none does.
  std::string_view KeyAt(uint32_t local_position) const;

  // Indexes of the keys, kept up to date by the table from their first slice on; null if there is none.
  TableIndex* index(Direction direction) const { return indexes_[static_cast<size_t>(direction)].get(); }
  // There must be none yet. It is to be built.
  TableIndex* AddIndex(Direction direction);
  // To be freed by the caller, who may do so after the lock is free.
  std::unique_ptr<TableIndex> TakeIndex(Direction direction);

  // No item of any segment is due before this. Recomputed by a walk, lowered by insertions.
  DueTime next_due() const { return next_due_; }
  void set_next_due(DueTime due) { next_due_ = due; }

  size_t segments() const { return segments_; }

  // Changes whenever cells may have moved: what was found before has to be found again.
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

  // What an entry adds to the prefixes that its key has; `sign` -1: takes away.
  void CountPrefixes(const Entry& entry, int64_t sign);

  const PrefixList& prefixes_;
  std::vector<PrefixSize> prefix_sizes_;
  unsigned depth_ = 0;  // the directory has 2^depth_ places
  std::vector<Segment*> directory_;
  size_t keys_ = 0;
  size_t volatile_keys_ = 0;
  __int128 expiry_sum_ = 0;
  size_t segments_ = 1;
  DueTime next_due_ = kNeverDue;
  uint64_t version_ = 0;
  std::array<std::unique_ptr<TableIndex>, kDirections> indexes_;
};

}  // namespace ringkv::storage
