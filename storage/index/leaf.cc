// SPDX-License-Identifier: MIT
#include "storage/index/leaf.h"

#include <new>

#include "storage/base/allocator.h"

namespace ringkv::storage {
namespace {

// Of a leaf with so many entries: for some more, and what the allocation has room for anyway.
constexpr size_t RoomFor(size_t entries) { return entries + 4 + entries / 10; }

}  // namespace

void Leaf::Free::operator()(Leaf* leaf) const {
  leaf->~Leaf();
  ::operator delete(leaf);
}

Leaf::Owner Leaf::Create(size_t entries, std::string common) {
  const size_t bytes = AllocationSize(BytesFor(entries));
  return Owner(new (::operator new(bytes))
                   Leaf((bytes - BytesFor(0)) / (BytesFor(1) - BytesFor(0)), std::move(common)));
}

void Leaf::Take(const Leaf& other, size_t from, size_t count) {
  std::memcpy(heads() + size_, other.heads() + from, count * sizeof(uint64_t));
  std::memcpy(positions() + size_, other.positions() + from, count * sizeof(uint32_t));
  size_ = static_cast<uint16_t>(size_ + count);
}

void Leaf::Resize(Owner& leaf, size_t entries) {
  Owner other = Create(entries, std::move(leaf->common_));
  other->Take(*leaf, 0, leaf->size_);
  leaf = std::move(other);
}

void Leaf::ShortenCommon(size_t bytes) {
  if (bytes == common_.size()) return;
  // What is cut off stands before each head now.
  const std::string_view cut = std::string_view(common_).substr(bytes);
  const uint64_t front = DirectedKey(cut, Direction::kForward).Head(0);
  const size_t shift = 8 * cut.size();
  for (size_t i = 0; i < size_; ++i) {
    uint64_t& head = heads()[i];
    head = shift >= 64 ? front : front | head >> shift;
  }
  common_.resize(bytes);
  common_.shrink_to_fit();
}

void Leaf::Add(Owner& leaf, uint64_t head, uint32_t position) {
  if (leaf->size_ == leaf->room_) Resize(leaf, RoomFor(leaf->size_));
  leaf->heads()[leaf->size_] = head;
  leaf->positions()[leaf->size_] = position;
  ++leaf->size_;
}

void Leaf::Erase(Owner& leaf, size_t i) {
  leaf->Drop(i);
  const size_t room = RoomFor(leaf->size_);
  if (room + room / 4 < leaf->room_) Resize(leaf, room);
}

Leaf::Owner Leaf::MoveTail(Owner& leaf, size_t i) {
  const size_t moved = leaf->size_ - i;
  Owner tail = Create(RoomFor(moved), leaf->common_);
  tail->Take(*leaf, i, moved);
  leaf->size_ = static_cast<uint16_t>(i);
  Resize(leaf, RoomFor(i));
  return tail;
}

void Leaf::Append(Owner& leaf, const Leaf& behind) {
  const size_t all = leaf->size_ + behind.size_;
  if (all > leaf->room_) Resize(leaf, RoomFor(all));
  leaf->Take(behind, 0, behind.size_);
}

size_t Leaf::FindPosition(uint32_t position) const {
  const uint32_t* const all = positions();
  for (size_t i = 0; i < size_; ++i) {
    if (all[i] == position) return i;
  }
  return size_;
}

}  // namespace ringkv::storage
