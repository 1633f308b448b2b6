// SPDX-License-Identifier: MIT
#include "storage/index/leaf.h"

#include "storage/allocator.h"
#include "storage/check.h"

namespace ringkv::storage {
namespace {

constexpr size_t kGrowBy = 4;  // entries, and what the allocation has room for anyway

}  // namespace

size_t Leaf::Bytes() const {
  constexpr size_t kInline = 15;  // bytes that std::string keeps within itself
  const size_t common = common_.capacity() > kInline ? AllocationSize(common_.capacity() + 1) : 0;
  return AllocationSize(sizeof(Leaf)) + AllocationSize(capacity_ * kEntryBytes) + common;
}

void Leaf::Resize(size_t entries) {
  const size_t capacity = AllocationSize(entries * kEntryBytes) / kEntryBytes;
  if (capacity == capacity_) return;
  std::unique_ptr<uint64_t[]> block(new uint64_t[(capacity * kEntryBytes + sizeof(uint64_t) - 1) / sizeof(uint64_t)]);
  if (size_ > 0) {
    std::memcpy(block.get(), heads(), size_ * sizeof(uint64_t));
    std::memcpy(block.get() + capacity, positions(), size_ * sizeof(uint32_t));
  }
  block_ = std::move(block);
  capacity_ = static_cast<uint16_t>(capacity);
}

void Leaf::ShortenCommon(size_t bytes) {
  if (bytes == common_.size()) return;
  // What is cut off stands before each head now.
  const std::string_view cut = std::string_view(common_).substr(bytes);
  const uint64_t front = DirectedKey(cut, Direction::kForward).Head(0);
  const size_t shift = 8 * cut.size();
  for (size_t i = 0; i < size_; ++i) {
    uint64_t& head = mutable_heads()[i];
    head = shift >= 64 ? front : front | head >> shift;
  }
  common_.resize(bytes);
  if (bytes <= 15) common_.shrink_to_fit();
}

void Leaf::StartWith(std::string common, uint64_t head, uint32_t position) {
  RINGKV_DCHECK(size_ == 0);
  common_ = std::move(common);
  Insert(0, head, position);
}

void Leaf::Insert(size_t i, uint64_t head, uint32_t position) {
  if (size_ == capacity_) Resize(size_ + kGrowBy);
  const size_t behind = size_ - i;
  std::memmove(mutable_heads() + i + 1, heads() + i, behind * sizeof(uint64_t));
  std::memmove(mutable_positions() + i + 1, positions() + i, behind * sizeof(uint32_t));
  mutable_heads()[i] = head;
  mutable_positions()[i] = position;
  ++size_;
}

void Leaf::Erase(size_t i) {
  const size_t behind = size_ - i - 1;
  std::memmove(mutable_heads() + i, heads() + i + 1, behind * sizeof(uint64_t));
  std::memmove(mutable_positions() + i, positions() + i + 1, behind * sizeof(uint32_t));
  --size_;
  if (size_ + 4 * kGrowBy < capacity_) Resize(size_ + kGrowBy);
}

void Leaf::MoveTail(size_t i, Leaf& to) {
  RINGKV_DCHECK(to.size_ == 0);
  const size_t moved = size_ - i;
  to.common_ = common_;
  to.Resize(moved + kGrowBy);
  std::memcpy(to.mutable_heads(), heads() + i, moved * sizeof(uint64_t));
  std::memcpy(to.mutable_positions(), positions() + i, moved * sizeof(uint32_t));
  to.size_ = static_cast<uint16_t>(moved);
  size_ = static_cast<uint16_t>(i);
  Resize(size_ + kGrowBy);
}

void Leaf::Append(const Leaf& behind) {
  const size_t all = size_ + behind.size_;
  if (all > capacity_) Resize(all + kGrowBy);
  std::memcpy(mutable_heads() + size_, behind.heads(), behind.size_ * sizeof(uint64_t));
  std::memcpy(mutable_positions() + size_, behind.positions(), behind.size_ * sizeof(uint32_t));
  size_ = static_cast<uint16_t>(all);
}

size_t Leaf::FindPosition(uint32_t position) const {
  const uint32_t* const all = positions();
  for (size_t i = 0; i < size_; ++i) {
    if (all[i] == position) return i;
  }
  return size_;
}

}  // namespace ringkv::storage
