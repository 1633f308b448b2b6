// SPDX-License-Identifier: MIT
#include "storage/table/member_table.h"

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
  return sizeof(MemberTable) + table_.segments() * sizeof(Segment) + size() * kCellBytes + entry_bytes_;
}

uint32_t MemberTable::PositionOf(std::string_view name) const {
  return static_cast<uint32_t>(XXH3_64bits_withSeed(name.data(), name.size(), seed_));
}

const Entry* MemberTable::Find(std::string_view name) const {
  const uint32_t position = PositionOf(name);
  const Cell* cell = table_.SegmentFor(position)->Find(name, position);
  return cell == nullptr ? nullptr : cell->entry();
}

const Entry* MemberTable::Insert(uint32_t position, std::string_view name, std::string_view value) {
  MutableEntry* entry = MutableEntry::Create(name, value, kNoExpiry, StringForm::kPlain, 0);
  entry_bytes_ += AllocationSize(entry->TotalSize());
  table_.Insert(position, entry);
  return entry;
}

std::pair<const Entry*, bool> MemberTable::Add(std::string_view name, std::string_view value) {
  const uint32_t position = PositionOf(name);
  const Cell* cell = table_.SegmentFor(position)->Find(name, position);
  if (cell != nullptr) return {cell->entry(), false};
  return {Insert(position, name, value), true};
}

std::pair<const Entry*, bool> MemberTable::Put(std::string_view name, std::string_view value) {
  const uint32_t position = PositionOf(name);
  Segment* segment = table_.SegmentFor(position);
  const Cell* cell = segment->Find(name, position);
  if (cell == nullptr) return {Insert(position, name, value), true};
  MutableEntry* entry = cell->mutable_entry();
  entry_bytes_ -= AllocationSize(entry->TotalSize());
  MutableEntry* now_there = entry->WithValue(value, kNoExpiry, StringForm::kPlain, nullptr);
  entry_bytes_ += AllocationSize(now_there->TotalSize());
  if (now_there != entry) table_.Replace(segment, cell, kNoExpiry, now_there);
  return {now_there, false};
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
