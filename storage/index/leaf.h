// SPDX-License-Identifier: MIT
// Some ten neighbours of a key index, in order: for each its position in the table, and eight bytes of its key behind
// those that all keys of the leaf share. Twelve bytes a key, in one allocation that grows in small steps:
//
//   Leaf { what is shared, room, size }  heads[room]  positions[room]
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

  struct Free {
    void operator()(Leaf* leaf) const;
  };
  using Owner = std::unique_ptr<Leaf, Free>;

  Leaf(const Leaf&) = delete;
  Leaf& operator=(const Leaf&) = delete;

  // Empty, with room for so many.
  static Owner Create(size_t entries, std::string common);

  size_t size() const { return size_; }
  // In the index's direction.
  const std::string& common() const { return common_; }
  uint64_t head(size_t i) const { return heads()[i]; }
  uint32_t position(size_t i) const { return positions()[i]; }
  size_t Bytes() const {
    constexpr size_t kInline = 15;  // bytes of text that std::string keeps within itself
    return BytesFor(room_) + (common_.capacity() > kInline ? common_.capacity() + 1 : 0);
  }
  // Asks for the memory of a leaf that will be looked at soon.
  static void Prefetch(const Leaf* leaf) {
    for (size_t at = 0; at < BytesFor(kMostEntries); at += kCacheLine) {
      __builtin_prefetch(reinterpret_cast<const char*>(leaf) + at);
    }
  }

  // All keys of the leaf share so many bytes only, from now on: heads begin there.
  void ShortenCommon(size_t bytes);
  // The keys share more: `head_of` gives the new head of the key at a position.
  template <typename HeadOf>
  void LengthenCommon(std::string common, HeadOf&& head_of) {
    common_ = std::move(common);
    for (size_t i = 0; i < size_; ++i) heads()[i] = head_of(position(i));
  }

  // Where the position stands, or size().
  size_t FindPosition(uint32_t position) const;

  // These may put another leaf into the owner's place, to have the room that is fit.
  static void Insert(Owner& leaf, size_t i, uint64_t head, uint32_t position);
  static void Erase(Owner& leaf, size_t i);
  // Takes the entries from `i` on away, into a leaf that shares as much.
  static Owner MoveTail(Owner& leaf, size_t i);
  // Appends all entries of a leaf that shares as much.
  static void Append(Owner& leaf, const Leaf& behind);

 private:
  static constexpr size_t kCacheLine = 64;

  Leaf(size_t room, std::string common) : common_(std::move(common)), room_(static_cast<uint16_t>(room)) {}
  ~Leaf() = default;

  static constexpr size_t BytesFor(size_t room) { return sizeof(Leaf) + room * (sizeof(uint64_t) + sizeof(uint32_t)); }
  uint64_t* heads() { return reinterpret_cast<uint64_t*>(this + 1); }
  const uint64_t* heads() const { return reinterpret_cast<const uint64_t*>(this + 1); }
  uint32_t* positions() { return reinterpret_cast<uint32_t*>(heads() + room_); }
  const uint32_t* positions() const { return reinterpret_cast<const uint32_t*>(heads() + room_); }
  // Puts entries of another leaf, from `from` on, behind those of this one.
  void Take(const Leaf& other, size_t from, size_t count);
  static void Resize(Owner& leaf, size_t entries);

  std::string common_;
  uint16_t room_;
  uint16_t size_ = 0;
};

}  // namespace ringkv::storage
