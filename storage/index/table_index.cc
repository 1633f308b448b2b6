// SPDX-License-Identifier: MIT
#include "storage/index/table_index.h"

#include <algorithm>

#include "storage/keyspace/table.h"

namespace ringkv::storage {

bool TableIndex::IsCrowded(uint32_t position) const {
  return std::find(crowded_.begin(), crowded_.end(), position) != crowded_.end();
}

void TableIndex::BuildSome(size_t keys) {
  if (is_ready()) return;
  const Table::Stretch stretch = table_.StretchAt(static_cast<uint32_t>(built_to_));
  std::vector<const Slot*> slots;
  stretch.segment->ForEach([&](const Slot& slot) {
    if (slot.local_position() >= built_to_) slots.push_back(&slot);
  });
  std::sort(slots.begin(), slots.end(),
            [](const Slot* a, const Slot* b) { return a->local_position() < b->local_position(); });
  size_t taken = 0;
  for (; taken < slots.size(); ++taken) {
    const uint32_t position = slots[taken]->local_position();
    const bool is_same = taken > 0 && slots[taken - 1]->local_position() == position;
    if (taken >= keys && !is_same) break;
    const bool has_others = is_same || (taken + 1 < slots.size() && slots[taken + 1]->local_position() == position);
    if (!has_others) {
      keys_.Insert(slots[taken]->entry()->key(), position);
    } else if (!is_same) {
      crowded_.push_back(position);
    }
  }
  built_to_ = taken < slots.size() ? slots[taken]->local_position() : stretch.end;
}

void TableIndex::BeforeInsert(std::string_view key, uint32_t position, std::string_view other) {
  if (position >= built_to_ || IsCrowded(position)) return;
  if (other.data() == nullptr) return keys_.Approach(key);
  keys_.Remove(other, position);
  crowded_.push_back(position);
}

void TableIndex::AfterInsert(std::string_view key, uint32_t position) {
  if (position < built_to_ && !IsCrowded(position)) keys_.Insert(key, position);
}

void TableIndex::BeforeRemove(std::string_view key, uint32_t position) {
  if (position >= built_to_) return;
  const auto crowded = std::find(crowded_.begin(), crowded_.end(), position);
  if (crowded == crowded_.end()) return keys_.Remove(key, position);
  size_t standing = 0;
  table_.VisitAt(position, [&](const Slot&) { ++standing; });
  if (standing == 1) crowded_.erase(crowded);
}

bool TableIndex::Collect(std::string_view literal, size_t most, std::vector<uint32_t>* positions) const {
  positions->insert(positions->end(), crowded_.begin(), crowded_.end());
  return keys_.Collect(literal, most, positions);
}

}  // namespace ringkv::storage
