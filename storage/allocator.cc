// SPDX-License-Identifier: MIT
#include "storage/allocator.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>

#ifdef RINGKV_JEMALLOC
#include <jemalloc/jemalloc.h>
#else
#include <malloc.h>
#endif

namespace ringkv::storage {
namespace {

[[noreturn]] void OutOfMemory(size_t size) {
  std::fprintf(stderr, "ringkv: out of memory: cannot allocate %zu bytes\n", size);
  std::abort();
}

// jemalloc lets all of a size class be used; elsewhere the whole class is asked for.
size_t RequestSize(size_t size) {
#ifdef RINGKV_JEMALLOC
  return size;
#else
  return AllocationSize(size);
#endif
}

}  // namespace

void* AllocateBytes(size_t size) {
  void* bytes = std::malloc(RequestSize(size));
  if (bytes == nullptr) OutOfMemory(size);
  return bytes;
}

void* ReallocateBytes(void* bytes, size_t, size_t new_size) {
  void* moved = std::realloc(bytes, RequestSize(new_size));
  if (moved == nullptr) OutOfMemory(new_size);
  return moved;
}

#ifdef RINGKV_JEMALLOC

// Read by jemalloc when it starts: pages that are free go back to the system within a second or so, by a thread of its
// own, instead of staying until the next allocation looks.
extern "C" {
const char* malloc_conf = "background_thread:true,dirty_decay_ms:500,muzzy_decay_ms:0";
}

namespace {

// What a thread allocated and freed lives in the thread's own memory, which jemalloc gives back when the thread ends.
// So a thread's counters are copied here when it says good-bye (ThreadCounters' destructor).
struct alignas(64) CounterPair {
  std::atomic<const uint64_t*> allocated{nullptr};
  std::atomic<const uint64_t*> freed{nullptr};
};

constexpr size_t kMostThreads = 512;

struct Counters {
  std::array<CounterPair, kMostThreads> threads;
  std::atomic<size_t> used_slots{0};
  std::atomic<int64_t> of_ended_threads{0};
};

Counters& AllCounters() {
  static Counters counters;
  return counters;
}

uint64_t LoadCounter(const uint64_t* counter) { return __atomic_load_n(counter, __ATOMIC_RELAXED); }

class ThreadCounters {
 public:
  ThreadCounters() {
    uint64_t* allocated = nullptr;
    uint64_t* freed = nullptr;
    size_t size = sizeof allocated;
    if (mallctl("thread.allocatedp", &allocated, &size, nullptr, 0) != 0) return;
    if (mallctl("thread.deallocatedp", &freed, &size, nullptr, 0) != 0) return;
    const size_t slot = AllCounters().used_slots.fetch_add(1);
    if (slot >= kMostThreads) return;
    pair_ = &AllCounters().threads[slot];
    pair_->freed.store(freed);
    pair_->allocated.store(allocated);
  }
  ~ThreadCounters() {
    if (pair_ == nullptr) return;
    const uint64_t* allocated = pair_->allocated.exchange(nullptr);
    AllCounters().of_ended_threads.fetch_add(
        static_cast<int64_t>(LoadCounter(allocated) - LoadCounter(pair_->freed.load())));
  }
  ThreadCounters(const ThreadCounters&) = delete;
  ThreadCounters& operator=(const ThreadCounters&) = delete;

 private:
  CounterPair* pair_ = nullptr;
};

}  // namespace

void FreeBytes(void* bytes, size_t size) { sdallocx(bytes, size, 0); }

size_t AllocationSize(size_t size) { return nallocx(size, 0); }

void CountMemoryOfThisThread() { thread_local ThreadCounters counters; }

size_t UsedMemory() {
  Counters& counters = AllCounters();
  int64_t used = counters.of_ended_threads.load(std::memory_order_relaxed);
  const size_t slots = std::min(counters.used_slots.load(std::memory_order_relaxed), kMostThreads);
  for (size_t i = 0; i < slots; ++i) {
    const uint64_t* allocated = counters.threads[i].allocated.load(std::memory_order_acquire);
    if (allocated == nullptr) continue;
    used += static_cast<int64_t>(LoadCounter(allocated) -
                                 LoadCounter(counters.threads[i].freed.load(std::memory_order_relaxed)));
  }
  return used > 0 ? static_cast<size_t>(used) : 0;
}

AllocatorStatistics ReadAllocatorStatistics() {
  uint64_t epoch = 1;
  size_t size = sizeof epoch;
  mallctl("epoch", &epoch, &size, &epoch, size);
  AllocatorStatistics statistics;
  size = sizeof(size_t);
  mallctl("stats.allocated", &statistics.allocated, &size, nullptr, 0);
  mallctl("stats.active", &statistics.active, &size, nullptr, 0);
  mallctl("stats.resident", &statistics.resident, &size, nullptr, 0);
  mallctl("stats.retained", &statistics.retained, &size, nullptr, 0);
  return statistics;
}

std::string AllocatorName() {
  return "jemalloc-" + std::to_string(JEMALLOC_VERSION_MAJOR) + "." + std::to_string(JEMALLOC_VERSION_MINOR) + "." +
         std::to_string(JEMALLOC_VERSION_BUGFIX);
}

void PurgeFreePages() {
  char name[64];
  std::snprintf(name, sizeof name, "arena.%u.purge", static_cast<unsigned>(MALLCTL_ARENAS_ALL));
  mallctl(name, nullptr, nullptr, nullptr, 0);
}

#else

void FreeBytes(void* bytes, size_t) { std::free(bytes); }

size_t AllocationSize(size_t size) { return (size + 15) / 16 * 16; }

void CountMemoryOfThisThread() {}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
extern "C" size_t __sanitizer_get_current_allocated_bytes();
size_t UsedMemory() { return __sanitizer_get_current_allocated_bytes(); }
#else
size_t UsedMemory() { return mallinfo2().uordblks + mallinfo2().hblkhd; }
#endif

AllocatorStatistics ReadAllocatorStatistics() {
  const size_t used = UsedMemory();
  return {used, used, used, 0};
}

std::string AllocatorName() { return "libc"; }

void PurgeFreePages() { malloc_trim(0); }

#endif

}  // namespace ringkv::storage
