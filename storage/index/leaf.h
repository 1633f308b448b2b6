// SPDX-License-Identifier: MIT
// A leaf of a key index: for each of its keys, the position in the table and the eight bytes after the common prefix of
// the leaf's keys. Twelve bytes per key, in one allocation that grows in small steps:
//
//   Leaf { what is shared, room, size }  heads[room]  positions[room]
//
// The first entry is that of the least key; the others are in no order. So an insertion touches three cache lines of a
// leaf, whatever its size, and a leaf is put in order as far as its division needs it.
//
// Threads: guarded by the partition.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "storage/index/directed_key.h"

namespace ringkv::storage {

class Leaf {
 public:
  static constexpr size_t kMostEntries = 124;       // that fill an allocation
  static constexpr size_t kMostCommonBytes = 1000;  // a longer common prefix is compared in the keys

  struct Free {
    void operator()(Leaf* leaf) const;
  };
  using Owner = std::unique_ptr<Leaf, Free>;

  Leaf(const Leaf&) = delete;
  Leaf& operator=(const Leaf&) = delete;

  // An empty leaf with this capacity.
  static Owner Create(size_t entries, std::string common);

  size_t size() const { return size_; }
  // In the index's direction.
  const std::string& common() const { return common_; }
  uint64_t head(size_t i) const { return heads()[i]; }
  uint32_t position(size_t i) const { return positions()[i]; }
  size_t Bytes() const {
    constexpr size_t kInline = 15;  // bytes that std::string stores without an allocation
    return BytesFor(room_) + (common_.capacity() > kInline ? common_.capacity() + 1 : 0);
  }
  // Prefetches what an insertion needs to begin.
  static void PrefetchHead(const Leaf* leaf) { __builtin_prefetch(leaf); }
  // And then, where the entry will stand.
  void PrefetchEnd() const {
    __builtin_prefetch(heads() + size_);
    __builtin_prefetch(positions() + size_);
  }

  // Shortens the common prefix: heads begin after `bytes` bytes from now on.
  void ShortenCommon(size_t bytes);
  // Extends the common prefix; `head_of` returns the new head of the key at a position.
  template <typename HeadOf>
  void LengthenCommon(std::string common, HeadOf&& head_of) {
    common_ = std::move(common);
    for (size_t i = 0; i < size_; ++i) heads()[i] = head_of(position(i));
  }

  // The index of the position, or size().
  size_t FindPosition(uint32_t position) const;

  // The last entry takes the place of the one that is dropped. Both keep the leaf's room.
  void Drop(size_t i) {
    Swap(i, size_ - 1u);
    --size_;
  }
  void Clear() { size_ = 0; }

  void Swap(size_t i, size_t j) {
    std::swap(heads()[i], heads()[j]);
    std::swap(positions()[i], positions()[j]);
  }
  // Puts those entries behind the first that `is_less` has before others in front of `middle`, and the least of the
  // others there. `is_less(Entry, Entry)`.
  struct Entry {
    uint64_t head = 0;
    uint32_t position = 0;
  };
  template <typename IsLess>
  void Divide(size_t middle, IsLess&& is_less) {
    std::array<Entry, kMostEntries + 1> entries;
    for (size_t i = 0; i < size_; ++i) entries[i] = {head(i), position(i)};
    std::nth_element(entries.begin() + 1, entries.begin() + middle, entries.begin() + size_, is_less);
    for (size_t i = 0; i < size_; ++i) {
      heads()[i] = entries[i].head;
      positions()[i] = entries[i].position;
    }
  }

  // These may reallocate the leaf and update the owner's pointer. Erase drops an entry.
  static void Add(Owner& leaf, uint64_t head, uint32_t position);
  static void Erase(Owner& leaf, size_t i);
  // Moves the entries from `i` on into a new leaf with the same common prefix.
  static Owner MoveTail(Owner& leaf, size_t i);
  // Appends all entries of a leaf with the same common prefix.
  static void Append(Owner& leaf, const Leaf& behind);

 private:
  Leaf(size_t room, std::string common) : common_(std::move(common)), room_(static_cast<uint16_t>(room)) {}
  ~Leaf() = default;

  static constexpr size_t BytesFor(size_t room) { return sizeof(Leaf) + room * (sizeof(uint64_t) + sizeof(uint32_t)); }
  uint64_t* heads() { return reinterpret_cast<uint64_t*>(this + 1); }
  const uint64_t* heads() const { return reinterpret_cast<const uint64_t*>(this + 1); }
  uint32_t* positions() { return reinterpret_cast<uint32_t*>(heads() + room_); }
  const uint32_t* positions() const { return reinterpret_cast<const uint32_t*>(heads() + room_); }
  // Appends the entries of another leaf from `from` on.
  void Take(const Leaf& other, size_t from, size_t count);
  static void Resize(Owner& leaf, size_t entries);

  std::string common_;
  uint16_t room_;
  uint16_t size_ = 0;
};

}  // namespace ringkv::storage
