// SPDX-License-Identifier: MIT
#include "storage/table/member_table.h"

#include <algorithm>

#include "storage/base/allocator.h"
#include "storage/edit/mutable_entry.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ringkv::storage {
namespace {

const PrefixList kNoPrefixes;

}  // namespace

MemberTable::MemberTable(uint64_t seed, size_t expected) : seed_(seed), table_(kNoPrefixes, expected) {}

size_t MemberTable::bytes() const {
  // A cell at the usual load; the exact figure would need a walk over the segments.
  constexpr size_t kCellBytes = 15;
  constexpr size_t kDueBytes = sizeof(ExpiryQueue::Item) + sizeof(ExpiryQueue::Item) / 8;
  return sizeof(MemberTable) + table_.segments() * sizeof(Segment) + size() * kCellBytes + expiring() * kDueBytes +
         entry_bytes_;
}

uint32_t MemberTable::PositionOf(std::string_view name) const {
  return static_cast<uint32_t>(XXH3_64bits_withSeed(name.data(), name.size(), seed_));
}

const Entry* MemberTable::Find(std::string_view name) const {
  const uint32_t position = PositionOf(name);
  const Cell* cell = table_.SegmentFor(position)->Find(name, position);
  return cell == nullptr ? nullptr : cell->entry();
}

const Entry* MemberTable::Insert(uint32_t position, std::string_view name, std::string_view value, UnixMs expiry) {
  MutableEntry* entry = MutableEntry::Create(name, value, expiry, StringForm::kPlain, 0);
  entry_bytes_ += AllocationSize(entry->TotalSize());
  table_.Insert(position, entry);
  return entry;
}

std::pair<const Entry*, bool> MemberTable::Add(std::string_view name, std::string_view value) {
  const uint32_t position = PositionOf(name);
  const Cell* cell = table_.SegmentFor(position)->Find(name, position);
  if (cell != nullptr) return {cell->entry(), false};
  return {Insert(position, name, value, kNoExpiry), true};
}

std::pair<const Entry*, bool> MemberTable::Put(std::string_view name, std::string_view value, UnixMs expiry) {
  const uint32_t position = PositionOf(name);
  Segment* segment = table_.SegmentFor(position);
  const Cell* cell = segment->Find(name, position);
  if (cell == nullptr) return {Insert(position, name, value, expiry), true};
  MutableEntry* entry = cell->mutable_entry();
  entry_bytes_ -= AllocationSize(entry->TotalSize());
  const UnixMs before = entry->expiry();
  MutableEntry* now_there = entry->WithValue(value, expiry, StringForm::kPlain, nullptr);
  entry_bytes_ += AllocationSize(now_there->TotalSize());
  if (now_there != entry || before != expiry) table_.Replace(segment, cell, {.key = before}, now_there);
  return {now_there, false};
}

bool MemberTable::SetExpiry(std::string_view name, UnixMs expiry) {
  const uint32_t position = PositionOf(name);
  Segment* segment = table_.SegmentFor(position);
  const Cell* cell = segment->Find(name, position);
  if (cell == nullptr) return false;
  MutableEntry* entry = cell->mutable_entry();
  const UnixMs before = entry->expiry();
  entry_bytes_ -= AllocationSize(entry->TotalSize());
  MutableEntry* now_there = entry->WithExpiry(expiry);
  entry_bytes_ += AllocationSize(now_there->TotalSize());
  table_.Replace(segment, cell, {.key = before}, now_there);
  return true;
}

UnixMs MemberTable::NextExpiry() const { return FirstMomentOf(gathered_to_ != 0 ? 0 : table_.next_due()); }

size_t MemberTable::GatherExpired(UnixMs now, size_t most, TextList* names) {
  constexpr uint64_t kEnd = uint64_t{1} << 32;
  constexpr size_t kSegmentsAMember = 8;  // passing so many, of which nothing is due, takes as long as an erasure
  const DueTime due_now = DueForCertain(now);
  // Lowered from here on, by what is passed and by what comes in between.
  if (gathered_to_ == 0) table_.set_next_due(kNeverDue);
  size_t looked_at = 0;
  size_t passed = 0;
  while (gathered_to_ < kEnd) {
    const Table::Stretch stretch = table_.StretchAt(static_cast<uint32_t>(gathered_to_));
    Segment* segment = stretch.segment;
    while (segment->NextDue() <= due_now) {
      if (looked_at + passed / kSegmentsAMember >= most) {
        table_.set_next_due(std::min(table_.next_due(), segment->NextDue()));
        return looked_at + passed / kSegmentsAMember;
      }
      ++looked_at;
      const uint32_t position = segment->PopDue().local_position;
      bool stays = false;
      table_.VisitAt(position, [&](const Cell& cell) {
        if (cell.entry()->IsExpired(now)) {
          names->Add(cell.entry()->key());
        } else {
          stays = stays || cell.entry()->has_expiry();
        }
      });
      if (stays) segment->QueueAgain(position, due_now + 1);
    }
    table_.set_next_due(std::min(table_.next_due(), segment->NextDue()));
    gathered_to_ = stretch.end;
    if (looked_at + ++passed / kSegmentsAMember >= most && gathered_to_ < kEnd) break;
  }
  if (gathered_to_ == kEnd) gathered_to_ = 0;
  return looked_at + passed / kSegmentsAMember;
}

bool MemberTable::Erase(std::string_view name) {
  const uint32_t position = PositionOf(name);
  Segment* segment = table_.SegmentFor(position);
  const Cell* cell = segment->Find(name, position);
  if (cell == nullptr) return false;
  MutableEntry* entry = table_.Remove(segment, cell);
  entry_bytes_ -= AllocationSize(entry->TotalSize());
  MutableEntry::Free(entry);
  return true;
}

const Entry& MemberTable::Random(storage::Random& random) const {
  const Entry* found = nullptr;
  table_.Sample(random, 1, false, [&](const Cell& cell) { found = cell.entry(); });
  return *found;
}

}  // namespace ringkv::storage
