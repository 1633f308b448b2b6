// SPDX-License-Identifier: MIT
#include "storage/index/table_index.h"

#include <algorithm>

namespace ringkv::storage {

bool TableIndex::IsCrowded(uint32_t position) const {
  return std::find(crowded_.begin(), crowded_.end(), position) != crowded_.end();
}

void TableIndex::BuildSome(size_t keys) {
  if (is_ready()) return;
  std::vector<uint32_t> positions;
  const uint64_t end = source_->AppendPositions(built_to_, &positions);
  std::sort(positions.begin(), positions.end());
  size_t taken = 0;
  for (; taken < positions.size(); ++taken) {
    const uint32_t position = positions[taken];
    const bool is_same = taken > 0 && positions[taken - 1] == position;
    if (taken >= keys && !is_same) break;
    const bool has_others = is_same || (taken + 1 < positions.size() && positions[taken + 1] == position);
    if (!has_others) {
      keys_.Insert(source_->KeyAt(position), position);
    } else if (!is_same) {
      crowded_.push_back(position);
    }
  }
  built_to_ = taken < positions.size() ? positions[taken] : end;
}

void TableIndex::BeforeInsert(uint32_t position, std::string_view other) {
  if (position >= built_to_ || IsCrowded(position)) return;
  if (other.data() == nullptr) return keys_.Prefetch();
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
  if (source_->CountAt(position) == 1) crowded_.erase(crowded);
}

bool TableIndex::Collect(std::string_view literal, size_t most, std::vector<uint32_t>* positions) const {
  positions->insert(positions->end(), crowded_.begin(), crowded_.end());
  return keys_.Collect(literal, most, positions);
}

}  // namespace ringkv::storage
