// SPDX-License-Identifier: MIT
// The key index of one table in one direction, from its first slice on: it is built along the hash order, and changes
// of keys that stand before where it has come to are taken in at once.
//
// Threads: guarded by the partition.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "storage/index/key_index.h"

namespace ringkv::storage {

class TableIndex {
 public:
  TableIndex(std::unique_ptr<const KeySource> source, Direction direction)
      : source_(std::move(source)), keys_(*source_, direction) {}

  // Takes in about so many keys more.
  void BuildSome(size_t keys);
  bool is_ready() const { return built_to_ == kEnd; }

  // Around each change of the table. Two calls for an insertion: keys that are looked at must be in the table, and who
  // stood alone at the position (`other`, null data if nobody does) won't any more.
  void BeforeInsert(std::string_view key, uint32_t position, std::string_view other);
  void AfterInsert(std::string_view key, uint32_t position);
  void BeforeRemove(std::string_view key, uint32_t position);

  // As KeyIndex::Collect. Only when it is ready.
  bool Collect(std::string_view literal, size_t most, std::vector<uint32_t>* positions) const;
  size_t keys() const { return keys_.keys() + crowded_.size(); }
  size_t Bytes() const { return keys_.Bytes() + crowded_.capacity() * sizeof(uint32_t); }

 private:
  static constexpr uint64_t kEnd = uint64_t{1} << 32;

  bool IsCrowded(uint32_t position) const;

  const std::unique_ptr<const KeySource> source_;
  KeyIndex keys_;
  // Positions where several keys stand, or have stood: rare, and candidates in every search.
  std::vector<uint32_t> crowded_;
  uint64_t built_to_ = 0;
};

}  // namespace ringkv::storage
