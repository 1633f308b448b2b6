// SPDX-License-Identifier: MIT
// The newest bytes of a stream, numbered from its beginning on. Blocks are immutable, so readers share them without a
// lock.
//
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "storage/base/buffer_memory.h"

namespace ringkv::server {

class ByteWindow {
 public:
  // The first byte is number `last` + 1.
  explicit ByteWindow(int64_t last) : first_(last + 1), last_(last) {}

  // The number of the last byte, and of the first one that is still there (of the next one, if there is none).
  int64_t last() const { return last_; }
  int64_t first() const { return first_; }
  size_t bytes() const { return static_cast<size_t>(last_ - first_ + 1); }
  size_t MemoryBytes() const { return memory_bytes_ + blocks_.size() * sizeof(Block); }

  void Append(std::string_view bytes) {
    if (bytes.empty()) return;
    blocks_.push_back({last_ + 1, std::make_shared<const std::string>(bytes)});
    memory_bytes_ += storage::SharedTextBytes(*blocks_.back().bytes);
    last_ += static_cast<int64_t>(bytes.size());
  }

  // The block with this byte, which must be there; `*offset`: the byte's place in it.
  std::shared_ptr<const std::string> Find(int64_t number, size_t* offset) const {
    const auto behind = std::upper_bound(blocks_.begin(), blocks_.end(), number,
                                         [](int64_t value, const Block& block) { return value < block.first; });
    const Block& block = *std::prev(behind);
    *offset = static_cast<size_t>(number - block.first);
    return block.bytes;
  }

  // Drops the oldest blocks while the others have `least` bytes, but none with a byte from `needed` on.
  void Trim(size_t least, int64_t needed) {
    while (!blocks_.empty()) {
      const size_t oldest = blocks_.front().bytes->size();
      const int64_t next = first_ + static_cast<int64_t>(oldest);
      if (bytes() - oldest < least || next > needed) return;
      memory_bytes_ -= storage::SharedTextBytes(*blocks_.front().bytes);
      blocks_.pop_front();
      first_ = next;
    }
  }

 private:
  struct Block {
    int64_t first;
    std::shared_ptr<const std::string> bytes;
  };
  int64_t first_;
  int64_t last_;
  size_t memory_bytes_ = 0;
  std::deque<Block> blocks_;
};

}  // namespace ringkv::server
