// SPDX-License-Identifier: MIT
#include "storage/base/allocator.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "storage/base/huge_pages.h"

#ifdef RINGKV_JEMALLOC
#include <jemalloc/jemalloc.h>
#include <pthread.h>
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

constexpr size_t kManyPages = size_t{1} << 20;  // bytes

// Has the system find all pages of what will be written at once: a fault for each page takes as long as to clear and
// write it. In slices, since others who map memory wait meanwhile. Systems that can't (Linux before 5.14) refuse it.
void FetchPages(void* bytes, size_t size) {
#ifdef MADV_POPULATE_WRITE
  static const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  char* const end = static_cast<char*>(bytes) + size;
  char* at = static_cast<char*>(bytes) - reinterpret_cast<uintptr_t>(bytes) % page;
  for (size_t slice = 0; at < end; at += slice) {
    slice = std::min(kManyPages, static_cast<size_t>(end - at));
    if (::madvise(at, slice, MADV_POPULATE_WRITE) != 0) return;
  }
#endif
}

}  // namespace

size_t MachineMemory() {
  return static_cast<size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

void* AllocateBytes(size_t size) {
  void* bytes = std::malloc(RequestSize(size));
  if (bytes == nullptr) OutOfMemory(size);
  if (size >= kManyPages) [[unlikely]]
    FetchPages(bytes, size);
  return bytes;
}

void* AllocateZeros(size_t size) {
  void* bytes = std::calloc(1, RequestSize(size));
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
// own, instead of staying until the next allocation looks. Large ones too: by default those of more than 8 MB go back
// at once, and a large value that follows another one has to wait for the system to clear each page anew.
extern "C" {
const char* malloc_conf = "background_thread:true,dirty_decay_ms:500,muzzy_decay_ms:0,oversize_threshold:0";
}

namespace {

uint64_t LoadCounter(const uint64_t* counter) { return __atomic_load_n(counter, __ATOMIC_RELAXED); }

// Bytes that a thread has allocated and freed so far. jemalloc keeps both numbers in the thread's own memory, which is
// gone when the thread is.
struct alignas(64) ThreadCounters {
  bool is_taken = false;  // guarded by the registry
  std::atomic<bool> is_reading{false};
  std::atomic<const uint64_t*> allocated{nullptr};  // null: no thread
  std::atomic<const uint64_t*> freed{nullptr};

  int64_t Held() const {
    const uint64_t* allocated_bytes = allocated.load();
    if (allocated_bytes == nullptr) return 0;
    return static_cast<int64_t>(LoadCounter(allocated_bytes) - LoadCounter(freed.load(std::memory_order_relaxed)));
  }
};

// The counters of all threads. A thread takes the first free place and gives it back at its end, so that there are as
// many places as threads have ever lived at the same time.
//
// A sum is made without a lock: while a thread says that it reads, none that ends lets go of the counters that may be
// read. `version_` is odd while bytes pass from an ending thread to `ended_`, so that a sum has them in one place.
class CounterRegistry {
 public:
  ThreadCounters* Add() {
    uint64_t* allocated = nullptr;
    uint64_t* freed = nullptr;
    size_t size = sizeof allocated;
    if (mallctl("thread.allocatedp", &allocated, &size, nullptr, 0) != 0) return nullptr;
    if (mallctl("thread.deallocatedp", &freed, &size, nullptr, 0) != 0) return nullptr;
    const std::lock_guard lock(mutex_);
    ThreadCounters* counters = TakePlace();
    counters->freed.store(freed, std::memory_order_relaxed);
    counters->allocated.store(allocated, std::memory_order_release);
    return counters;
  }

  void Remove(ThreadCounters* counters) {
    const std::lock_guard lock(mutex_);
    version_.fetch_add(1);
    ended_.fetch_add(counters->Held());
    counters->allocated.store(nullptr);
    version_.fetch_add(1);
    // A concurrent reader may have seen the address.
    ForEach([](const ThreadCounters& other) {
      while (other.is_reading.load()) std::this_thread::yield();
    });
    counters->is_taken = false;
  }

  int64_t Sum(ThreadCounters& reader) {
    reader.is_reading.store(true);  // sequentially consistent: before any address is loaded
    int64_t sum = 0;
    uint64_t before = 0;
    do {
      before = version_.load();
      sum = ended_.load(std::memory_order_relaxed);
      ForEach([&](const ThreadCounters& counters) { sum += counters.Held(); });
    } while (before % 2 != 0 || version_.load() != before);
    reader.is_reading.store(false, std::memory_order_release);
    return sum;
  }

 private:
  struct Block {
    std::array<ThreadCounters, 16> places;
    std::atomic<Block*> next{nullptr};
  };

  template <typename Visitor>
  void ForEach(Visitor&& visit) {
    for (Block* block = &first_; block != nullptr; block = block->next.load(std::memory_order_acquire)) {
      for (ThreadCounters& counters : block->places) visit(counters);
    }
  }

  ThreadCounters* TakePlace() {
    Block* block = &first_;
    for (;; block = block->next.load(std::memory_order_relaxed)) {
      for (ThreadCounters& counters : block->places) {
        if (counters.is_taken) continue;
        counters.is_taken = true;
        return &counters;
      }
      if (block->next.load(std::memory_order_relaxed) == nullptr) block->next.store(new Block);  // lives for ever
    }
  }

  std::mutex mutex_;  // guards registration of threads
  std::atomic<uint64_t> version_{0};
  std::atomic<int64_t> ended_{0};  // what ended threads have allocated more than freed
  Block first_;
};

CounterRegistry& Registry() {
  static CounterRegistry* registry = new CounterRegistry;  // not destroyed: threads may end after main
  return *registry;
}

// Called by the C library as the last of a thread: what destructors of thread-local objects free has been counted, and
// so has the list of those, which `thread_local` would free behind its object.
pthread_key_t EndOfThread() {
  static const pthread_key_t key = [] {
    pthread_key_t made;
    if (pthread_key_create(&made, [](void* counters) { Registry().Remove(static_cast<ThreadCounters*>(counters)); })) {
      std::abort();
    }
    return made;
  }();
  return key;
}

ThreadCounters* CountersOfThisThread() {
  thread_local ThreadCounters* counters = nullptr;  // a plain pointer: no destructor
  if (counters == nullptr) {
    counters = Registry().Add();
    UseHugePagesInThisThread();
    pthread_setspecific(EndOfThread(), counters);
  }
  return counters;
}

}  // namespace

void FreeBytes(void* bytes, size_t size) { sdallocx(bytes, size, 0); }

size_t AllocationSize(size_t size) { return nallocx(size, 0); }

void CountMemoryOfThisThread() { CountersOfThisThread(); }

size_t UsedMemory() {
  ThreadCounters* reader = CountersOfThisThread();
  const int64_t used = reader == nullptr ? 0 : Registry().Sum(*reader);
  return used > 0 ? static_cast<size_t>(used) : 0;
}

AllocatorStatistics ReadAllocatorStatistics() {
  uint64_t epoch = 1;
  size_t size = sizeof epoch;
  mallctl("epoch", &epoch, &size, &epoch, size);
  AllocatorStatistics statistics;
  size = sizeof(size_t);
  mallctl("stats.allocated", &statistics.allocated, &size, nullptr, 0);
  char name[64];
  std::snprintf(name, sizeof name, "stats.arenas.%u.tcache_bytes", static_cast<unsigned>(MALLCTL_ARENAS_ALL));
  size_t at_hand = 0;
  mallctl(name, &at_hand, &size, nullptr, 0);
  statistics.allocated -= std::min(at_hand, statistics.allocated);
  mallctl("stats.active", &statistics.active, &size, nullptr, 0);
  mallctl("stats.resident", &statistics.resident, &size, nullptr, 0);
  statistics.resident += KeptFreeBytes();
  mallctl("stats.retained", &statistics.retained, &size, nullptr, 0);
  return statistics;
}

std::string AllocatorName() {
  return "jemalloc-" + std::to_string(JEMALLOC_VERSION_MAJOR) + "." + std::to_string(JEMALLOC_VERSION_MINOR) + "." +
         std::to_string(JEMALLOC_VERSION_BUGFIX);
}

std::string DescribeAllocator() {
  std::string report;
  malloc_stats_print([](void* to, const char* part) { *static_cast<std::string*>(to) += part; }, &report, nullptr);
  return report;
}

void PurgeFreePages() {
  char name[64];
  std::snprintf(name, sizeof name, "arena.%u.purge", static_cast<unsigned>(MALLCTL_ARENAS_ALL));
  mallctl(name, nullptr, nullptr, nullptr, 0);
  GiveBackKeptPages();
}

#else

void FreeBytes(void* bytes, size_t) { std::free(bytes); }

size_t AllocationSize(size_t size) { return (size + 15) / 16 * 16; }

void CountMemoryOfThisThread() {}

#ifdef RINGKV_SANITIZED
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

std::string DescribeAllocator() { return "The C library reports nothing about its memory in this build.\n"; }

void PurgeFreePages() { malloc_trim(0); }

#endif

}  // namespace ringkv::storage
