// SPDX-License-Identifier: MIT
// A part of a large list: elements in one allocation, with free space before or after them, so that a list grows at
// either end without moving elements. Chunks far from the ends may be compressed with LZF, as in Redis; compression and
// decompression take a few microseconds.
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
  // Adopts packed elements.
  ListChunk(std::string_view elements, uint32_t count);
  // Likewise, and compresses them unless that saves little.
  static ListChunk Compressed(std::string_view elements, uint32_t count);
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
  // The uncompressed size of its elements.
  size_t bytes() const { return is_compressed() ? raw_bytes_ : end_ - begin_; }
  size_t allocated() const { return capacity_; }
  // The elements; decompressed into `buffer` if they are compressed.
  std::string_view Read(std::string* buffer) const;
  // The stored bytes, compressed or not.
  void CopyTo(FoldedBytes* out) const;

  bool is_compressed() const { return raw_bytes_ > 0; }
  // Compresses the chunk unless that saves little.
  void Compress();
  void Open();

  // --- only for uncompressed chunks
  // -----------------------------------------------------------------------------------

  std::string_view elements() const { return {data_ + begin_, end_ - begin_}; }
  // A cursor on the element with this index, or at the end.
  ListCursor At(size_t index) const { return ListCursorAt(elements(), count_, index); }

  void PushFront(std::string_view element);
  void PushBack(std::string_view element);
  // `offset`: of a cursor over elements().
  void InsertAt(size_t offset, std::string_view element);
  void EraseAt(size_t offset, size_t bytes, uint32_t elements);
  void ReplaceAt(size_t offset, size_t bytes, std::string_view element);
  // Reallocates if less than half of the memory is used.
  void Shrink();
  // Moves the elements from the cursor on into a new chunk.
  ListChunk SplitAt(size_t offset, uint32_t elements_before);

 private:
  // Holds those bytes from now on, compressed. False if that saves little.
  bool Fold(std::string_view raw);
  // Replaces the memory.
  void Replace(size_t capacity);
  // Makes space for `bytes` more, before or after the elements.
  void Reserve(size_t bytes, bool in_front);

  char* data_ = nullptr;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t capacity_ = 0;
  uint32_t count_ = 0;
  uint32_t raw_bytes_ = 0;  // uncompressed size; 0: not compressed
};

}  // namespace ringkv::storage
