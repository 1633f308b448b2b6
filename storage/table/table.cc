// SPDX-License-Identifier: MIT
#include "storage/table/table.h"

#include <algorithm>
#include <utility>

#include "storage/base/check.h"
#include "storage/edit/mutable_entry.h"
#include "storage/index/table_index.h"

namespace ringkv::storage {
namespace {

// Buddies merge when both together would fill a segment to less than a quarter: far from splitting again.
constexpr size_t kMergeBelow = Segment::kFull / 4;
// Of a table that is made for so many keys the segments hold this at most on average: what chance adds still fits.
constexpr size_t kExpectedMost = Segment::kFull / 8 * 7;

// The table as its indexes see it.
class KeysOfTable final : public KeySource {
 public:
  explicit KeysOfTable(const Table& table) : table_(table) {}

  std::string_view KeyAt(uint32_t position) const override { return table_.KeyAt(position); }
  const char* AddressOfKeyAt(uint32_t position) const override {
    return table_.SegmentFor(position)->EntryAddress(position);
  }
  size_t CountAt(uint32_t position) const override {
    size_t count = 0;
    table_.VisitAt(position, [&](const Cell&) { ++count; });
    return count;
  }
  uint64_t AppendPositions(uint64_t from, std::vector<uint32_t>* positions) const override {
    const Table::Stretch stretch = table_.StretchAt(static_cast<uint32_t>(from));
    stretch.segment->ForEach([&](const Cell& cell) {
      if (cell.local_position() >= from) positions->push_back(cell.local_position());
    });
    return stretch.end;
  }

 private:
  const Table& table_;
};

}  // namespace

Table::Table(const PrefixList& prefixes, size_t expected) : prefixes_(prefixes), prefix_sizes_(prefixes.size()) {
  while (expected >> depth_ > kExpectedMost && depth_ < Segment::kDeepest) ++depth_;
  segments_ = uint32_t{1} << depth_;
  const size_t each = expected >> depth_;
  directory_.reserve(segments_);
  while (directory_.size() < segments_) directory_.push_back(new Segment(depth_, depth_ == 0 ? each : each + each / 8));
}

Table::~Table() {
  // A segment stands in neighbouring places of the directory.
  Segment* last = nullptr;
  for (Segment* segment : directory_) {
    if (segment != last) delete last;
    last = segment;
  }
  delete last;
}

size_t Table::TableBytes() const {
  size_t bytes = sizeof(Table) + directory_.capacity() * sizeof(void*);
  const Segment* last = nullptr;
  for (const Segment* segment : directory_) {
    if (segment != last) bytes += segment->TableBytes();
    last = segment;
  }
  return bytes;
}

std::string_view Table::KeyAt(uint32_t local_position) const {
  std::string_view key;
  VisitAt(local_position, [&](const Cell& cell) { key = cell.entry()->key(); });
  return key;
}

TableIndex* Table::AddIndex(Direction direction) {
  std::unique_ptr<TableIndex>& index = indexes_[static_cast<size_t>(direction)];
  index = std::make_unique<TableIndex>(std::make_unique<KeysOfTable>(*this), direction);
  return index.get();
}

std::unique_ptr<TableIndex> Table::TakeIndex(Direction direction) {
  return std::move(indexes_[static_cast<size_t>(direction)]);
}

Table::Inserted Table::Insert(uint32_t local_position, MutableEntry* entry) {
  if (HasIndex()) {
    const std::string_view other = KeyAt(local_position);
    ForEachIndex([&](TableIndex& index) { index.BeforeInsert(local_position, other); });
  }
  Segment* segment = SegmentFor(local_position);
  while (segment->IsFull()) {
    Split(segment, local_position);
    segment = SegmentFor(local_position);
  }
  ++keys_;
  ++version_;
  if (!prefixes_.empty()) CountPrefixes(*entry, 1);
  if (entry->has_expiry()) {
    ++volatile_keys_;
    expiry_sum_ += entry->expiry();
    next_due_ = std::min(next_due_, DueTimeOf(entry->expiry()));
  }
  if (entry->has_field_expiry()) {
    ++field_expiry_keys_;
    next_due_ = std::min(next_due_, DueTimeOf(NextFieldExpiry(*entry)));
  }
  const Inserted inserted{segment, segment->Insert(local_position, entry)};
  ForEachIndex([&](TableIndex& index) { index.AfterInsert(entry->key(), local_position); });
  return inserted;
}

MutableEntry* Table::Remove(Segment* segment, const Cell* cell) {
  const uint32_t local_position = cell->local_position();
  ForEachIndex([&](TableIndex& index) { index.BeforeRemove(cell->entry()->key(), local_position); });
  MutableEntry* entry = segment->Remove(cell);
  --keys_;
  ++version_;
  if (!prefixes_.empty()) CountPrefixes(*entry, -1);
  if (entry->has_expiry()) {
    --volatile_keys_;
    expiry_sum_ -= entry->expiry();
  }
  if (entry->has_field_expiry()) --field_expiry_keys_;
  if (segment->depth() > 0 && segment->size() < kMergeBelow / 2) MergeWithBuddy(segment, local_position);
  return entry;
}

void Table::Replace(Segment* segment, const Cell* cell, const Expiries& before, MutableEntry* entry) {
  segment->Replace(cell, before, entry);
  if (entry->has_expiry()) {
    ++volatile_keys_;
    expiry_sum_ += entry->expiry();
    next_due_ = std::min(next_due_, DueTimeOf(entry->expiry()));
  }
  if (before.key != kNoExpiry) {
    --volatile_keys_;
    expiry_sum_ -= before.key;
  }
  if (entry->has_field_expiry()) {
    ++field_expiry_keys_;
    next_due_ = std::min(next_due_, DueTimeOf(NextFieldExpiry(*entry)));
  }
  if (before.fields != kNoExpiry) --field_expiry_keys_;
}

void Table::CountPrefixes(const Entry& entry, int64_t sign) {
  prefixes_.ForEachOf(entry.key(), [&](size_t index) {
    prefix_sizes_[index].keys += static_cast<uint64_t>(sign);
    prefix_sizes_[index].bytes += static_cast<uint64_t>(sign) * entry.MemorySize();
  });
}

void Table::NoteGrowth(std::string_view key, int64_t by) {
  prefixes_.ForEachOf(key, [&](size_t index) { prefix_sizes_[index].bytes += static_cast<uint64_t>(by); });
}

Table::Stretch Table::StretchAt(uint32_t local_position) const {
  Segment* segment = SegmentFor(local_position);
  const uint64_t width = uint64_t{1} << (32 - segment->depth());
  return {segment, (local_position & ~(width - 1)) + width};
}

void Table::PointAt(Segment* segment, uint32_t local_position) {
  const size_t places = size_t{1} << (depth_ - segment->depth());
  const size_t first = IndexOf(local_position) & ~(places - 1);
  std::fill_n(directory_.begin() + static_cast<std::ptrdiff_t>(first), places, segment);
}

void Table::Split(Segment* segment, uint32_t local_position) {
  const unsigned new_depth = segment->depth() + 1;
  if (new_depth > depth_) {
    std::vector<Segment*> doubled(directory_.size() * 2);
    for (size_t i = 0; i < doubled.size(); ++i) doubled[i] = directory_[i / 2];
    directory_.swap(doubled);
    ++depth_;
  }
  const uint32_t bit = uint32_t{1} << (32 - new_depth);
  auto low = std::make_unique<Segment>(new_depth, Segment::kFull / 2 + Segment::kFull / 32);
  auto high = std::make_unique<Segment>(new_depth, Segment::kFull / 2 + Segment::kFull / 32);
  segment->SplitInto(*low, *high);
  PointAt(low.release(), local_position & ~bit);
  PointAt(high.release(), local_position | bit);
  delete segment;
  ++segments_;
}

void Table::MergeWithBuddy(Segment* segment, uint32_t local_position) {
  const uint32_t bit = uint32_t{1} << (32 - segment->depth());
  Segment* buddy = SegmentFor(local_position ^ bit);
  if (buddy->depth() != segment->depth() || segment->size() + buddy->size() >= kMergeBelow) return;
  auto merged = std::make_unique<Segment>(segment->depth() - 1, segment->size() + buddy->size());
  segment->MoveInto(*merged);
  buddy->MoveInto(*merged);
  PointAt(merged.release(), local_position);
  delete segment;
  delete buddy;
  --segments_;
}

}  // namespace ringkv::storage
