// SPDX-License-Identifier: MIT
// What a thread has allocated, for tests of what must allocate nothing.
#pragma once

#include <cstddef>
#include <cstdint>

// jemalloc's; builds with sanitizers have another allocator.
extern "C" int mallctl(const char* name, void* old, size_t* old_size, void* value, size_t size) __attribute__((weak));

namespace ringkv::test {

inline bool CountsAllocations() { return mallctl != nullptr; }

// Bytes in total, whether they have been freed or not.
inline uint64_t AllocatedByThisThread() {
  uint64_t bytes = 0;
  size_t size = sizeof bytes;
  return mallctl("thread.allocated", &bytes, &size, nullptr, 0) == 0 ? bytes : 0;
}

}  // namespace ringkv::test
