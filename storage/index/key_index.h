// SPDX-License-Identifier: MIT
// The positions of keys in the order of the keys' bytes, forward or backward: what stands where a prefix, or a suffix,
// begins. Two levels: leaves of some ten keys, and a row of branches that leads to them.
//
// It holds no keys. Where the eight bytes that it knows of each don't decide, it looks at the key itself, by its
// position in the table; so a key must be in the table from before Insert until after Remove, and alone at its
// position.
//
// Threads: guarded by the partition.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/index/key_source.h"
#include "storage/index/leaf.h"

namespace ringkv::storage {

class KeyIndex {
 public:
  // `source` must outlive the index.
  KeyIndex(const KeySource& source, Direction direction) : source_(source), direction_(direction) {}

  // Finds where `key` belongs and asks for that memory. Insert of the same key may follow, before any other change.
  void Approach(std::string_view key);
  void Insert(std::string_view key, uint32_t position);
  void Remove(std::string_view key, uint32_t position);
  size_t keys() const { return keys_; }
  size_t Bytes() const {
    return leaf_bytes_ + heads_.capacity() * sizeof(uint64_t) + leaves_.capacity() * sizeof(Leaf::Owner);
  }

  // Appends the positions of all keys that begin (or end) with `literal`, and perhaps, where it has zero bytes, of a
  // few others. False if they would be more than `most`: then what was appended is not all.
  bool Collect(std::string_view literal, size_t most, std::vector<uint32_t>* positions) const;

 private:
  DirectedKey KeyAt(uint32_t position) const;
  // The last branch whose first key is not behind `key`; the first if all are.
  size_t FindBranch(const DirectedKey& key) const;
  // How many of the leaf's keys stand before `key`, which begins with the bytes that they share.
  size_t CountBefore(const Leaf& leaf, const DirectedKey& key) const;
  void Split(size_t branch, size_t at);
  void LengthenCommon(Leaf& leaf) const;
  // Brings the branch's head up to date with its leaf's first key.
  void UpdateHead(size_t branch);
  void MergeWithNext(size_t branch);
  void EraseBranch(size_t branch);

  const KeySource& source_;
  const Direction direction_;
  // A branch is a leaf and, of its first key, eight bytes behind those that the first keys of all branches but the
  // first share.
  std::vector<uint64_t> heads_;
  std::vector<Leaf::Owner> leaves_;
  std::string common_;
  size_t approached_ = SIZE_MAX;  // the branch that Approach has found
  size_t keys_ = 0;
  size_t leaf_bytes_ = 0;
};

}  // namespace ringkv::storage
