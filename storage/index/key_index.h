// SPDX-License-Identifier: MIT
// Positions of keys in the order of the keys' bytes, forward (for prefixes) or backward (for suffixes). It has two
// levels: leaves of about sixty to 120 keys, and one row of branches to them. The newest keys wait in a leaf of their
// own, which searches look at too, until it is full: then their leaves are looked for together, so that the processor
// waits for the memory of all of them at once.
//
// It stores no keys. If the eight bytes that it stores of each key do not decide, it reads the key by its position in
// the table. So a key must be in the table from before Insert until after Remove, and be the only one at its position.
//
// Threads: guarded by the partition.
#pragma once

#include <cstddef>
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

  // Prefetches what an insertion needs.
  void Prefetch() const { Leaf::PrefetchHead(newest_.get()); }
  void Insert(std::string_view key, uint32_t position);
  void Remove(std::string_view key, uint32_t position);
  size_t keys() const { return keys_; }
  size_t Bytes() const {
    return leaf_bytes_ + (newest_ == nullptr ? 0 : newest_->Bytes()) + heads_.capacity() * sizeof(uint64_t) +
           leaves_.capacity() * sizeof(Leaf::Owner);
  }

  // Appends the positions of all keys that begin (or end) with `literal`, and of some others if it has zero bytes.
  // False if there are more than `most`: then the appended positions are incomplete.
  bool Collect(std::string_view literal, size_t most, std::vector<uint32_t>* positions) const;

 private:
  static constexpr size_t kMostNewest = 252;  // that fill an allocation

  DirectedKey KeyAt(uint32_t position) const;
  // The last branch whose first key is not after `key`; else the first branch.
  size_t FindBranch(const DirectedKey& key) const;
  // Likewise for a key that begins with the common prefix. `key()` returns it, where its head does not decide.
  template <typename Key>
  size_t FindBranch(uint64_t head, Key&& key) const;
  // Likewise for one of the newest keys. `guess`: looked at first.
  size_t FindBranchOfNewest(size_t i, size_t guess) const;
  // Whether the branches' heads alone say that it is this one.
  bool IsInside(size_t branch, uint64_t head) const {
    return branch < leaves_.size() && (branch == 0 || heads_[branch] < head) &&
           (branch + 1 == leaves_.size() || head < heads_[branch + 1]);
  }
  // Appends to `positions` those of the leaf's keys that match; see Collect.
  enum class Collected : uint8_t {
    kGoOn,
    kPassed,  // a key behind all matches: those of further leaves are, too
    kTooMany,
  };
  Collected CollectFrom(const Leaf& leaf, const DirectedKey& wanted, size_t limit,
                        std::vector<uint32_t>* positions) const;
  void AddToBranch(size_t branch, const DirectedKey& key, uint32_t position);
  void AddToBranch(size_t branch, uint64_t head, uint32_t position);
  // Moves the newest keys to their leaves.
  void SpreadNewest();
  // Whether one key of a leaf is before another one; by the heads, and by the keys themselves where these are equal.
  bool IsBefore(const Leaf& leaf, const Leaf::Entry& one, const Leaf::Entry& other) const;
  bool IsBefore(const Leaf& leaf, size_t i, size_t j) const;
  // Puts the least of the leaf's keys first.
  void PutLeastFirst(Leaf& leaf) const;
  void Split(size_t branch);
  void LengthenCommon(Leaf& leaf) const;
  // Updates the branch's head from the first key of its leaf.
  void UpdateHead(size_t branch);
  // `except`: the branch whose head the caller updates.
  void ShortenCommon(size_t bytes, size_t except);
  void MergeWithNext(size_t branch);
  void EraseBranch(size_t branch);

  const KeySource& source_;
  const Direction direction_;
  // A branch is a leaf and eight bytes of its first key, after the common prefix of the first keys of all branches but
  // the first.
  std::vector<uint64_t> heads_;
  std::vector<Leaf::Owner> leaves_;
  std::string common_;
  Leaf::Owner newest_;  // in no order; shares `common_`, as all its keys do; null before the first of them
  size_t keys_ = 0;
  size_t leaf_bytes_ = 0;
};

}  // namespace ringkv::storage
