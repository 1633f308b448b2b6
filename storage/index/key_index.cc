// SPDX-License-Identifier: MIT
#include "storage/index/key_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "storage/base/check.h"

namespace ringkv::storage {
namespace {

// When so many bytes of the heads are the same for all keys of a leaf, they are moved to what it shares.
constexpr size_t kLengthenFrom = 4;
// A leaf that has become small is merged with its neighbour, if both together stay well below the limit.
constexpr size_t kSmallLeaf = 24;
constexpr size_t kMostMerged = 80;

DirectedKey AsKey(const std::string& common) { return {common, Direction::kForward}; }

// The bits of a head's first `bytes` bytes.
uint64_t MaskOf(size_t bytes) { return bytes >= sizeof(uint64_t) ? UINT64_MAX : ~(UINT64_MAX >> (8 * bytes)); }

}  // namespace

DirectedKey KeyIndex::KeyAt(uint32_t position) const { return {source_.KeyAt(position), direction_}; }

// --- finding --------------------------------------------------------------------------------------------------------

size_t KeyIndex::FindBranch(const DirectedKey& key) const {
  if (leaves_.size() < 2) return 0;
  const size_t shared = SharedBytes(key, AsKey(common_));
  if (shared < common_.size()) return CompareFrom(key, AsKey(common_), shared) < 0 ? 0 : leaves_.size() - 1;
  return FindBranch(key.Head(common_.size()), [&] { return key; });
}

template <typename Key>
size_t KeyIndex::FindBranch(uint64_t head, Key&& key) const {
  const auto begin = heads_.begin() + 1;
  auto behind = std::upper_bound(begin, heads_.end(), head);
  if (behind != begin && *std::prev(behind) == head) {
    // Several may have that head: by the keys themselves, as long as the first key of the leaf is not behind.
    const DirectedKey wanted = key();
    const auto equal = std::lower_bound(begin, behind, head);
    behind = std::partition_point(equal, behind, [&](const uint64_t& each) {
      const auto branch = static_cast<size_t>(&each - heads_.data());
      return CompareFrom(KeyAt(leaves_[branch]->position(0)), wanted, common_.size()) <= 0;
    });
  }
  return static_cast<size_t>(behind - heads_.begin()) - 1;
}

size_t KeyIndex::FindBranchOfNewest(size_t i, size_t guess) const {
  const uint64_t head = newest_->head(i);
  if (IsInside(guess, head)) return guess;
  return FindBranch(head, [&] { return KeyAt(newest_->position(i)); });
}

bool KeyIndex::Collect(std::string_view literal, size_t most, std::vector<uint32_t>* positions) const {
  const size_t limit = positions->size() + most;
  const DirectedKey wanted(literal, direction_);
  if (newest_ != nullptr && CollectFrom(*newest_, wanted, limit, positions) == Collected::kTooMany) return false;
  for (size_t branch = FindBranch(wanted); branch < leaves_.size(); ++branch) {
    const Collected collected = CollectFrom(*leaves_[branch], wanted, limit, positions);
    if (collected != Collected::kGoOn) return collected == Collected::kPassed;
  }
  return true;
}

KeyIndex::Collected KeyIndex::CollectFrom(const Leaf& leaf, const DirectedKey& wanted, size_t limit,
                                          std::vector<uint32_t>* positions) const {
  const std::string& common = leaf.common();
  const size_t shared = SharedBytes(wanted, AsKey(common));
  if (shared < std::min(common.size(), wanted.size())) {
    return CompareFrom(wanted, AsKey(common), shared) < 0 ? Collected::kPassed : Collected::kGoOn;
  }
  // The rest of the literal, behind the shared bytes, decides; if it is longer than the heads, the keys are compared.
  const size_t rest = wanted.size() > common.size() ? wanted.size() - common.size() : 0;
  const uint64_t mask = rest == 0 ? 0 : MaskOf(rest);
  const uint64_t head = wanted.Head(common.size()) & mask;
  bool has_passed = false;
  for (size_t i = 0; i < leaf.size(); ++i) {
    const uint64_t known = leaf.head(i) & mask;
    has_passed = has_passed || known > head;
    if (known != head) continue;
    if (rest > sizeof head) {
      const DirectedKey key = KeyAt(leaf.position(i));
      const size_t same = SharedBytes(key, wanted);
      const bool matches = same == wanted.size();
      has_passed = has_passed || (!matches && CompareFrom(key, wanted, same) > 0);
      if (!matches) continue;
    }
    if (positions->size() == limit) return Collected::kTooMany;
    positions->push_back(leaf.position(i));
  }
  return has_passed ? Collected::kPassed : Collected::kGoOn;
}

// --- changing -------------------------------------------------------------------------------------------------------

void KeyIndex::Insert(std::string_view text, uint32_t position) {
  const DirectedKey key(text, direction_);
  ++keys_;
  if (leaves_.size() < 2 || SharedBytes(key, AsKey(common_)) < common_.size()) {
    AddToBranch(FindBranch(key), key, position);
    return;
  }
  if (newest_ == nullptr) newest_ = Leaf::Create(kMostNewest, common_);
  Leaf::Add(newest_, key.Head(common_.size()), position);
  if (newest_->size() == kMostNewest) SpreadNewest();
}

void KeyIndex::SpreadNewest() {
  std::array<size_t, kMostNewest> branches;
  const size_t count = newest_->size();
  for (size_t i = 0; i < count; ++i) {
    branches[i] = FindBranchOfNewest(i, SIZE_MAX);
    Leaf::PrefetchHead(leaves_[branches[i]].get());
  }
  for (size_t i = 0; i < count; ++i) {
    const Leaf& leaf = *leaves_[branches[i]];
    leaf.PrefetchEnd();
    if (leaf.common() != common_) __builtin_prefetch(source_.AddressOfKeyAt(newest_->position(i)));
  }
  // A division moves branches, and may shorten the common prefix: by then, what was found is a guess.
  for (size_t i = 0; i < count; ++i) {
    const size_t branch = FindBranchOfNewest(i, branches[i]);
    const uint32_t position = newest_->position(i);
    if (leaves_[branch]->common() == common_) {
      AddToBranch(branch, newest_->head(i), position);
    } else {
      AddToBranch(branch, KeyAt(position), position);
    }
  }
  newest_->Clear();
}

void KeyIndex::AddToBranch(size_t branch, const DirectedKey& key, uint32_t position) {
  if (leaves_.empty()) {
    leaves_.push_back(Leaf::Create(1, key.First(std::min(key.size(), Leaf::kMostCommonBytes))));
    heads_.push_back(0);
    leaf_bytes_ += leaves_.back()->Bytes();
  }
  Leaf& leaf = *leaves_[branch];
  leaf_bytes_ -= leaf.Bytes();
  leaf.ShortenCommon(SharedBytes(key, AsKey(leaf.common())));
  leaf_bytes_ += leaf.Bytes();
  AddToBranch(branch, key.Head(leaf.common().size()), position);
}

void KeyIndex::AddToBranch(size_t branch, uint64_t head, uint32_t position) {
  Leaf::Owner& leaf = leaves_[branch];
  leaf_bytes_ -= leaf->Bytes();
  Leaf::Add(leaf, head, position);
  leaf_bytes_ += leaf->Bytes();
  const size_t last = leaf->size() - 1;
  // What is before the first key of its leaf is before all keys.
  if (branch == 0 && IsBefore(*leaf, last, 0)) leaf->Swap(0, last);
  if (leaf->size() == Leaf::kMostEntries) Split(branch);
}

bool KeyIndex::IsBefore(const Leaf& leaf, const Leaf::Entry& one, const Leaf::Entry& other) const {
  if (one.head != other.head) return one.head < other.head;
  if (one.position == other.position) return false;
  return CompareFrom(KeyAt(one.position), KeyAt(other.position), leaf.common().size()) < 0;
}

bool KeyIndex::IsBefore(const Leaf& leaf, size_t i, size_t j) const {
  return IsBefore(leaf, {leaf.head(i), leaf.position(i)}, {leaf.head(j), leaf.position(j)});
}

void KeyIndex::PutLeastFirst(Leaf& leaf) const {
  size_t least = 0;
  for (size_t i = 1; i < leaf.size(); ++i) {
    if (IsBefore(leaf, i, least)) least = i;
  }
  leaf.Swap(0, least);
}

void KeyIndex::Split(size_t branch) {
  Leaf::Owner& leaf = leaves_[branch];
  leaf_bytes_ -= leaf->Bytes();
  // Keys that come in ascending order leave full leaves behind.
  const size_t newest = leaf->size() - 1;
  size_t at = newest;
  const auto is_before_newest = [&] {
    for (size_t i = 0; i < newest; ++i) {
      if (IsBefore(*leaf, newest, i)) return false;
    }
    return true;
  };
  if (branch + 1 != leaves_.size() || !is_before_newest()) {
    at = leaf->size() / 2;
    leaf->Divide(at, [&](const auto& one, const auto& other) { return IsBefore(*leaf, one, other); });
  }
  Leaf::Owner tail = Leaf::MoveTail(leaf, at);
  LengthenCommon(*leaf);
  LengthenCommon(*tail);
  leaf_bytes_ += leaf->Bytes() + tail->Bytes();
  leaves_.insert(leaves_.begin() + static_cast<std::ptrdiff_t>(branch) + 1, std::move(tail));
  heads_.insert(heads_.begin() + static_cast<std::ptrdiff_t>(branch) + 1, 0);
  UpdateHead(branch + 1);
}

void KeyIndex::LengthenCommon(Leaf& leaf) const {
  const uint64_t first = leaf.head(0);
  uint64_t difference = 0;
  for (size_t i = 1; i < leaf.size(); ++i) difference |= first ^ leaf.head(i);
  size_t same = difference == 0 ? sizeof first : static_cast<size_t>(std::countl_zero(difference)) / 8;
  // Zeros may stand behind the end of a key.
  for (size_t i = 0; i < same; ++i) {
    if ((first >> (56 - 8 * i) & 0xff) == 0) same = i;
  }
  const size_t common = std::min(leaf.common().size() + same, Leaf::kMostCommonBytes);
  if (common < leaf.common().size() + kLengthenFrom) return;
  leaf.LengthenCommon(KeyAt(leaf.position(0)).First(common),
                      [&](uint32_t position) { return KeyAt(position).Head(common); });
}

void KeyIndex::UpdateHead(size_t branch) {
  if (branch == 0) return;  // it leads to whatever stands before the others
  const DirectedKey first = KeyAt(leaves_[branch]->position(0));
  if (leaves_.size() == 2 && (newest_ == nullptr || newest_->size() == 0)) {
    common_ = first.First(std::min(first.size(), Leaf::kMostCommonBytes));
    newest_.reset();
  } else if (const size_t shared = SharedBytes(first, AsKey(common_)); shared < common_.size()) {
    ShortenCommon(shared, branch);
  }
  heads_[branch] = first.Head(common_.size());
}

void KeyIndex::ShortenCommon(size_t bytes, size_t except) {
  common_.resize(bytes);
  if (newest_ != nullptr) newest_->ShortenCommon(bytes);
  for (size_t i = 1; i < leaves_.size(); ++i) {
    if (i != except) heads_[i] = KeyAt(leaves_[i]->position(0)).Head(bytes);
  }
}

void KeyIndex::Remove(std::string_view text, uint32_t position) {
  --keys_;
  if (newest_ != nullptr) {
    const size_t at = newest_->FindPosition(position);
    if (at < newest_->size()) return newest_->Drop(at);
  }
  const size_t branch = FindBranch(DirectedKey(text, direction_));
  RINGKV_CHECK(branch < leaves_.size());
  Leaf::Owner& leaf = leaves_[branch];
  const size_t at = leaf->FindPosition(position);
  RINGKV_CHECK(at < leaf->size());
  leaf_bytes_ -= leaf->Bytes();
  if (leaf->size() == 1) {
    EraseBranch(branch);
    return;
  }
  Leaf::Erase(leaf, at);
  leaf_bytes_ += leaf->Bytes();
  if (at == 0) {
    PutLeastFirst(*leaf);
    UpdateHead(branch);
  }
  if (leaf->size() < kSmallLeaf) MergeWithNext(branch);
}

void KeyIndex::EraseBranch(size_t branch) {
  leaves_.erase(leaves_.begin() + static_cast<std::ptrdiff_t>(branch));
  heads_.erase(heads_.begin() + static_cast<std::ptrdiff_t>(branch));
}

void KeyIndex::MergeWithNext(size_t branch) {
  if (branch + 1 == leaves_.size()) return;
  Leaf::Owner& leaf = leaves_[branch];
  Leaf& next = *leaves_[branch + 1];
  if (leaf->size() + next.size() > kMostMerged) return;
  const size_t shared = SharedBytes(AsKey(leaf->common()), AsKey(next.common()));
  leaf_bytes_ -= leaf->Bytes() + next.Bytes();
  leaf->ShortenCommon(shared);
  next.ShortenCommon(shared);
  Leaf::Append(leaf, next);
  leaf_bytes_ += leaf->Bytes();
  EraseBranch(branch + 1);
}

}  // namespace ringkv::storage
