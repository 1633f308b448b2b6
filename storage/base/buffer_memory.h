// SPDX-License-Identifier: MIT
// Memory of buffers that maxmemory does not count: of those that hold changes and messages on their way to replicas,
// because an eviction is a change too, so each would cause the next one.
//
// Threads: the sum is atomic; a share is confined.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>

#include "storage/base/allocator.h"

namespace ringkv::storage {

// The memory of a text in shared ownership, which has room for so many bytes.
inline size_t SharedTextBytes(size_t capacity) {
  constexpr size_t kCounts = 16;  // of the owners
  return AllocationSize(capacity + 1) + AllocationSize(sizeof(std::string) + kCounts);
}
inline size_t SharedTextBytes(const std::string& text) { return SharedTextBytes(text.capacity()); }

class BufferMemory {
 public:
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  // What one buffer holds; it counts until the share ends.
  class Share {
   public:
    // `all` must outlive the share.
    explicit Share(BufferMemory& all) : all_(all) {}
    ~Share() { Set(0); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    void Set(size_t bytes) {
      all_.bytes_.fetch_add(bytes - bytes_, std::memory_order_relaxed);  // wraps where it has become smaller
      bytes_ = bytes;
    }

   private:
    BufferMemory& all_;
    size_t bytes_ = 0;
  };

 private:
  std::atomic<size_t> bytes_{0};
};

}  // namespace ringkv::storage
