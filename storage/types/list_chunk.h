// SPDX-License-Identifier: MIT
// A part of a large list: its elements in one allocation, with room in front of them or behind them, so that a list
// grows at either end without moving what it holds. Far from the ends of its list it may be compressed, by LZF as in
// Redis: that takes a few microseconds in both directions.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "storage/entry/folded_bytes.h"
#include "storage/types/list_bytes.h"

namespace ringkv::storage {

class ListChunk {
 public:
  ListChunk() = default;
  // Takes over elements that were packed elsewhere.
  ListChunk(std::string_view elements, uint32_t count);
  ~ListChunk();
  ListChunk(ListChunk&& other) noexcept { *this = std::move(other); }
  ListChunk& operator=(ListChunk&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(capacity_, other.capacity_);
    std::swap(count_, other.count_);
    std::swap(raw_bytes_, other.raw_bytes_);
    return *this;
  }

  uint32_t count() const { return count_; }
  // Of its elements, whether compressed or not.
  size_t bytes() const { return is_compressed() ? raw_bytes_ : end_ - begin_; }
  size_t allocated() const { return capacity_; }
  // Unpacked into the buffer if they are compressed.
  std::string_view Read(std::string* buffer) const;
  // As they stand.
  void CopyTo(FoldedBytes* out) const;

  bool is_compressed() const { return raw_bytes_ > 0; }
  // Leaves it as it is where that saves little.
  void Compress();
  void Open();

  // --- none of what follows is for a compressed chunk ----------------------------------------------------------------

  std::string_view elements() const { return {data_ + begin_, end_ - begin_}; }
  // On the element of that number, or at the end.
  ListCursor At(size_t index) const { return ListCursorAt(elements(), count_, index); }

  void PushFront(std::string_view element);
  void PushBack(std::string_view element);
  // `offset`: that of a cursor over elements().
  void InsertAt(size_t offset, std::string_view element);
  void EraseAt(size_t offset, size_t bytes, uint32_t elements);
  void ReplaceAt(size_t offset, size_t bytes, std::string_view element);
  // Gives memory back if less than half of it is used.
  void Shrink();
  // What stands from the cursor on moves into a new chunk.
  ListChunk SplitAt(size_t offset, uint32_t elements_before);

 private:
  // Other memory takes the place of what there is.
  void Replace(size_t capacity);
  // Room for `bytes` more, in front or behind.
  void Reserve(size_t bytes, bool in_front);

  char* data_ = nullptr;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t capacity_ = 0;
  uint32_t count_ = 0;
  uint32_t raw_bytes_ = 0;  // of what is compressed; 0: it is not
};

}  // namespace ringkv::storage
