// SPDX-License-Identifier: MIT
// The key index of one table in one direction. It is built in slices along the hash order; changes of keys before the
// current slice are applied at once.
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

  // Adds about so many more keys.
  void BuildSome(size_t keys);
  bool is_ready() const { return built_to_ == kEnd; }

  // Call around each change of the table. An insertion needs two calls: keys that the index reads must be in the table,
  // and a key that was alone at the position (`other`, with null data if there is none) no longer is.
  void BeforeInsert(uint32_t position, std::string_view other);
  void AfterInsert(std::string_view key, uint32_t position);
  void BeforeRemove(std::string_view key, uint32_t position);

  // Like KeyIndex::Collect. Only when the index is ready.
  bool Collect(std::string_view literal, size_t most, std::vector<uint32_t>* positions) const;
  size_t keys() const { return keys_.keys() + crowded_.size(); }
  size_t Bytes() const { return keys_.Bytes() + crowded_.capacity() * sizeof(uint32_t); }

 private:
  static constexpr uint64_t kEnd = uint64_t{1} << 32;

  bool IsCrowded(uint32_t position) const;

  const std::unique_ptr<const KeySource> source_;
  KeyIndex keys_;
  // Positions that have, or had, several keys: rare, and candidates of every search.
  std::vector<uint32_t> crowded_;
  uint64_t built_to_ = 0;
};

}  // namespace ringkv::storage
