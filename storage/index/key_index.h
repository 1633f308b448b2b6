// SPDX-License-Identifier: MIT
// Positions of keys in the order of the keys' bytes, forward (for prefixes) or backward (for suffixes). It has two
// levels: leaves of up to 60 keys, and one row of branches to them.
//
// It stores no keys. If the eight bytes that it stores of each key do not decide, it reads the key by its position in
// the table. So a key must be in the table from before Insert until after Remove, and be the only one at its position.
//
// Threads: guarded by the partition.
#pragma once

#include <cstdint>
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

  // Prefetches the leaf of a key that may be inserted soon.
  void Prefetch(std::string_view key);
  // Finds the leaf of `key`. May be followed by Insert of the same key, before any other change.
  void Approach(std::string_view key);
  void Insert(std::string_view key, uint32_t position);
  void Remove(std::string_view key, uint32_t position);
  size_t keys() const { return keys_; }
  size_t Bytes() const {
    return leaf_bytes_ + heads_.capacity() * sizeof(uint64_t) + leaves_.capacity() * sizeof(Leaf::Owner);
  }

  // Appends the positions of all keys that begin (or end) with `literal`, and of some others if it has zero bytes.
  // False if there are more than `most`: then the appended positions are incomplete.
  bool Collect(std::string_view literal, size_t most, std::vector<uint32_t>* positions) const;

 private:
  DirectedKey KeyAt(uint32_t position) const;
  // The last branch whose first key is not after `key`; else the first branch. `guess`: looked at first.
  size_t FindBranch(const DirectedKey& key, size_t guess = SIZE_MAX) const;
  // Whether the branches' heads alone say that.
  bool IsInside(size_t branch, uint64_t head) const {
    return branch < leaves_.size() && (branch == 0 || heads_[branch] < head) &&
           (branch + 1 == leaves_.size() || head < heads_[branch + 1]);
  }
  // Whether one key of a leaf is before another one; by the heads, and by the keys themselves where these are equal.
  bool IsBefore(const Leaf& leaf, const Leaf::Entry& one, const Leaf::Entry& other) const;
  bool IsBefore(const Leaf& leaf, size_t i, size_t j) const;
  // Puts the least of the leaf's keys first.
  void PutLeastFirst(Leaf& leaf) const;
  void Split(size_t branch);
  void LengthenCommon(Leaf& leaf) const;
  // Updates the branch's head from the first key of its leaf.
  void UpdateHead(size_t branch);
  void MergeWithNext(size_t branch);
  void EraseBranch(size_t branch);

  const KeySource& source_;
  const Direction direction_;
  // A branch is a leaf and eight bytes of its first key, after the common prefix of the first keys of all branches but
  // the first.
  std::vector<uint64_t> heads_;
  std::vector<Leaf::Owner> leaves_;
  std::string common_;
  size_t prefetched_ = SIZE_MAX;  // the branch found by Prefetch; others may stand there now
  size_t approached_ = SIZE_MAX;  // the branch found by Approach
  size_t keys_ = 0;
  size_t leaf_bytes_ = 0;
};

}  // namespace ringkv::storage
