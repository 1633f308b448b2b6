// SPDX-License-Identifier: MIT
// Some ten neighbours of a key index, in order: for each its position in the table, and eight bytes of its key behind
// those that all keys of the leaf share. Twelve bytes a key, in one allocation that grows in small steps.
//
// Threads: guarded by the partition.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/index/directed_key.h"

namespace ringkv::storage {

class Leaf {
 public:
  static constexpr size_t kMostEntries = 60;
  static constexpr size_t kMostCommonBytes = 1000;  // what more is shared is looked up in the keys

  Leaf() = default;
  Leaf(const Leaf&) = delete;
  Leaf& operator=(const Leaf&) = delete;

  size_t size() const { return size_; }
  // In the index's direction.
  const std::string& common() const { return common_; }
  uint64_t head(size_t i) const { return heads()[i]; }
  uint32_t position(size_t i) const { return positions()[i]; }
  size_t Bytes() const;

  // All keys of the leaf share so many bytes only, from now on: heads begin there.
  void ShortenCommon(size_t bytes);
  // The keys share more: `head_of` gives each key's new head.
  template <typename HeadOf>
  void LengthenCommon(std::string common, HeadOf&& head_of) {
    common_ = std::move(common);
    for (size_t i = 0; i < size_; ++i) mutable_heads()[i] = head_of(position(i));
  }
  // The first entry decides what is shared.
  void StartWith(std::string common, uint64_t head, uint32_t position);
  void Insert(size_t i, uint64_t head, uint32_t position);
  void Erase(size_t i);
  // Moves the entries from `i` on into an empty leaf, which shares as much.
  void MoveTail(size_t i, Leaf& to);
  // Appends all entries of a leaf with the same common bytes, which stand behind this one's.
  void Append(const Leaf& behind);

  // Where the position stands, or size().
  size_t FindPosition(uint32_t position) const;

 private:
  static constexpr size_t kEntryBytes = sizeof(uint64_t) + sizeof(uint32_t);

  const uint64_t* heads() const { return block_.get(); }
  uint64_t* mutable_heads() { return block_.get(); }
  const uint32_t* positions() const { return reinterpret_cast<const uint32_t*>(block_.get() + capacity_); }
  uint32_t* mutable_positions() { return reinterpret_cast<uint32_t*>(block_.get() + capacity_); }
  void Resize(size_t entries);

  std::string common_;
  std::unique_ptr<uint64_t[]> block_;  // heads, then positions
  uint16_t capacity_ = 0;
  uint16_t size_ = 0;
};

}  // namespace ringkv::storage
