// SPDX-License-Identifier: MIT
#include "storage/base/huge_pages.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <new>
#include <string>

#include "storage/base/huge_chunk.h"
#include "storage/base/mutex.h"

#ifdef RINGKV_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

namespace ringkv::storage {

#ifdef RINGKV_JEMALLOC

namespace {

constexpr size_t kPageBytes = 4096;
constexpr size_t kChunkBytes = HugeChunk::kPages * kPageBytes;
// Addresses are cheap, and those that jemalloc has got once stay its own, so there are many more than memory.
constexpr size_t kAddressesPerByte = 16;
// What a thread's heap grows by when it has some 80 MB. A smaller one has few pages, and would take much more memory
// than it uses.
constexpr size_t kLeastHuge = size_t{16} << 20;

#ifndef MADV_COLLAPSE
constexpr int MADV_COLLAPSE = 25;  // since Linux 6.1; others refuse it
#endif

struct Chunk {
  Mutex mutex;
  HugeChunk pages GUARDED_BY(mutex);
};

// Bytes that were given back are empty, also if the system did not take them.
void Return(char* from, size_t bytes) {
  if (::madvise(from, bytes, MADV_DONTNEED) != 0) std::memset(from, 0, bytes);
}

char* Map(size_t bytes, int access) {
  void* const found = ::mmap(nullptr, bytes, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return found == MAP_FAILED ? nullptr : static_cast<char*>(found);
}

char* AlignUp(char* address, size_t alignment) {
  return address + (alignment - reinterpret_cast<uintptr_t>(address) % alignment) % alignment;
}

// Beyond the range of the heap, for when that is used up.
char* MapAligned(size_t size, size_t alignment) {
  char* const found = Map(size + alignment, PROT_READ | PROT_WRITE);
  if (found == nullptr) return nullptr;
  char* const from = AlignUp(found, alignment);
  if (from > found) ::munmap(found, static_cast<size_t>(from - found));
  ::munmap(from + size, static_cast<size_t>(found + alignment - from));
  return from;
}

class HugeHeap {
 public:
  // Returns null if there are no addresses.
  static HugeHeap* Reserve(size_t most_bytes) {
    const size_t bytes = most_bytes / kChunkBytes * kChunkBytes * kAddressesPerByte;
    char* const begin = Map(bytes + kChunkBytes, PROT_NONE);
    if (begin == nullptr) return nullptr;
    char* const chunks = Map(bytes / kChunkBytes * sizeof(Chunk), PROT_READ | PROT_WRITE);
    if (chunks == nullptr) {
      ::munmap(begin, bytes + kChunkBytes);
      return nullptr;
    }
    static HugeHeap made(AlignUp(begin, kChunkBytes), bytes, reinterpret_cast<Chunk*>(chunks));
    return &made;
  }

  bool Has(const void* address) const { return address >= begin_ && address < end_; }

  // New memory, none of which is in use. Returns null if there is none.
  char* Extend(size_t size, size_t alignment) {
    const MutexLock lock(mutex_);
    char* const from = AlignUp(next_, alignment);
    if (from > end_ || size > static_cast<size_t>(end_ - from)) return nullptr;
    if (::mprotect(from, size, PROT_READ | PROT_WRITE) != 0) return nullptr;
    const bool is_huge = size >= kLeastHuge && ::madvise(from, size, MADV_HUGEPAGE) == 0;
    next_ = from + size;
    for (; made_ * kChunkBytes < static_cast<size_t>(next_ - begin_); ++made_) new (&chunks_[made_]) Chunk;
    if (!is_huge) return from;
    ForEachChunk(from, size, [this](HugeChunk& pages, size_t, size_t count, char*) {
      const Tally tally(*this, pages);
      pages.Advise(count);
    });
    return from;
  }

  void Take(char* from, size_t size) {
    ForEachChunk(from, size, [this](HugeChunk& pages, size_t first, size_t count, char* chunk) {
      const Tally tally(*this, pages);
      pages.Take(first, count, [chunk](size_t page, size_t pages_kept) {
        std::memset(chunk + page * kPageBytes, 0, pages_kept * kPageBytes);
      });
    });
  }

  void Free(char* from, size_t size) {
    ForEachChunk(from, size, [this](HugeChunk& pages, size_t first, size_t count, char* chunk) {
      Change(pages, chunk, [&](auto& give_back) { pages.Free(first, count, give_back); });
    });
  }

  void GiveBackKept() {
    const size_t end = chunks_made();
    for (size_t i = 0; i < end; ++i) {
      const MutexLock lock(chunks_[i].mutex);
      HugeChunk& pages = chunks_[i].pages;
      Change(pages, begin_ + i * kChunkBytes, [&](auto& give_back) { pages.GiveBackKept(give_back); });
    }
  }

  void MendSome() {
    const size_t end = chunks_made();
    size_t mended = 0;
    for (size_t seen = 0; seen < std::min(end, kMostSeen) && mended < kMostMended; ++seen) {
      next_to_mend_ = (next_to_mend_ + 1) % end;
      if (Mend(next_to_mend_)) ++mended;
    }
  }

  size_t huge_bytes() const { return huge_chunks_.load(std::memory_order_relaxed) * kChunkBytes; }
  size_t kept_bytes() const { return kept_pages_.load(std::memory_order_relaxed) * kPageBytes; }

 private:
  // The system copies each: some hundred microseconds, in which others who touch it, or need new pages, wait.
  static constexpr size_t kMostMended = 16;
  static constexpr size_t kMostSeen = 16384;

  // Counts what changes of a chunk while it lives, whose lock is held.
  class Tally {
   public:
    Tally(HugeHeap& heap, const HugeChunk& pages)
        : heap_(heap), pages_(pages), kept_before_(pages.kept()), was_huge_(pages.is_huge()) {}
    ~Tally() {
      heap_.kept_pages_.fetch_add(pages_.kept() - kept_before_, std::memory_order_relaxed);
      heap_.huge_chunks_.fetch_add(size_t{pages_.is_huge()} - size_t{was_huge_}, std::memory_order_relaxed);
    }
    Tally(const Tally&) = delete;
    Tally& operator=(const Tally&) = delete;

   private:
    HugeHeap& heap_;
    const HugeChunk& pages_;
    const size_t kept_before_;
    const bool was_huge_;
  };

  HugeHeap(char* begin, size_t bytes, Chunk* chunks)
      : begin_(begin), end_(begin + bytes), chunks_(chunks), next_(begin) {}
  size_t chunks_made() {
    const MutexLock lock(mutex_);
    return made_;
  }

  // The change gives pages back. The system must not fill a broken chunk up by itself, as it else does with what is
  // huge no more: then memory would be gone that nobody uses.
  template <typename Changes>
  void Change(HugeChunk& pages, char* chunk, Changes&& change) {
    const Tally tally(*this, pages);
    const bool was_broken = pages.is_broken();
    const auto give_back = [chunk](size_t page, size_t count) {
      Return(chunk + page * kPageBytes, count * kPageBytes);
    };
    change(give_back);
    if (pages.is_broken() != was_broken) {
      ::madvise(chunk, kChunkBytes, pages.is_broken() ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
    }
  }

  // Whether the system was asked to. Pages that were missing are there afterwards, empty, until the chunk is free.
  bool Mend(size_t index) {
    Chunk& chunk = chunks_[index];
    const MutexLock lock(chunk.mutex);
    if (!chunk.pages.is_to_be_mended()) return false;
    const Tally tally(*this, chunk.pages);
    char* const from = begin_ + index * kChunkBytes;
    const bool has_succeeded =
        ::madvise(from, kChunkBytes, MADV_HUGEPAGE) == 0 && ::madvise(from, kChunkBytes, MADV_COLLAPSE) == 0;
    if (!has_succeeded) ::madvise(from, kChunkBytes, MADV_NOHUGEPAGE);
    chunk.pages.NoteMending(has_succeeded);
    return true;
  }

  // Calls `visit(pages, first, count, chunk's address)` for the part of each chunk, with its lock.
  template <typename Visitor>
  void ForEachChunk(char* from, size_t size, Visitor&& visit) {
    const auto begin = static_cast<size_t>(from - begin_);
    for (size_t at = begin; at < begin + size;) {
      Chunk& chunk = chunks_[at / kChunkBytes];
      const size_t end = std::min(at / kChunkBytes * kChunkBytes + kChunkBytes, begin + size);
      const MutexLock lock(chunk.mutex);
      char* const address = begin_ + at / kChunkBytes * kChunkBytes;
      visit(chunk.pages, at % kChunkBytes / kPageBytes, (end - at) / kPageBytes, address);
      at = end;
    }
  }

  char* const begin_;
  char* const end_;
  Chunk* const chunks_;  // those made so far exist
  std::atomic<size_t> kept_pages_{0};
  std::atomic<size_t> huge_chunks_{0};
  Mutex mutex_;
  char* next_ GUARDED_BY(mutex_);
  size_t made_ GUARDED_BY(mutex_) = 0;  // chunks
  size_t next_to_mend_ = 0;             // of the thread that mends
};

HugeHeap* heap = nullptr;  // null: the process doesn't use huge pages

// What jemalloc calls. To it, memory that is not in use is not "committed": it is empty when it is used again.

void* Extend(extent_hooks_t*, void* wanted, size_t size, size_t alignment, bool* is_zero, bool* is_in_use, unsigned) {
  if (wanted != nullptr) return nullptr;
  *is_zero = true;
  char* const found = heap->Extend(size, alignment);
  if (found == nullptr) return MapAligned(size, alignment);
  if (*is_in_use) heap->Take(found, size);
  return found;
}

bool Take(extent_hooks_t*, void* extent, size_t, size_t offset, size_t length, unsigned) {
  if (heap->Has(extent)) heap->Take(static_cast<char*>(extent) + offset, length);
  return false;  // done
}

// Also of memory that jemalloc had before.
bool Free(extent_hooks_t*, void* extent, size_t, size_t offset, size_t length, unsigned) {
  char* const from = static_cast<char*>(extent) + offset;
  heap->Has(extent) ? heap->Free(from, length) : Return(from, length);
  return false;
}

bool Split(extent_hooks_t*, void*, size_t, size_t, size_t, bool, unsigned) { return false; }

bool Merge(extent_hooks_t*, void* one, size_t, void* other, size_t, bool, unsigned) {
  return heap->Has(one) != heap->Has(other);
}

extent_hooks_t hooks = {.alloc = Extend,
                        .dalloc = nullptr,
                        .destroy = nullptr,
                        .commit = Take,
                        .decommit = Free,
                        .purge_lazy = nullptr,
                        .purge_forced = nullptr,
                        .split = Split,
                        .merge = Merge};

std::string FirstLineOf(const char* path) {
  std::string line;
  std::getline(std::ifstream(path), line);
  return line;
}

bool AreOffered() {
  // There all addresses that could be written to count as memory.
  if (FirstLineOf("/proc/sys/vm/overcommit_memory") == "2") return false;
  if (::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1) return false;  // 1: also where the process asks for them
  const std::string offered = FirstLineOf("/sys/kernel/mm/transparent_hugepage/enabled");
  return ::sysconf(_SC_PAGESIZE) == kPageBytes &&
         FirstLineOf("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size") == std::to_string(kChunkBytes) &&
         (offered.find("[madvise]") != std::string::npos || offered.find("[always]") != std::string::npos);
}

}  // namespace

bool UseHugePages(size_t most_bytes) {
  if (!AreOffered()) return false;
  if (heap == nullptr) heap = HugeHeap::Reserve(most_bytes);
  UseHugePagesInThisThread();
  return heap != nullptr;
}

void UseHugePagesInThisThread() {
  if (heap == nullptr) return;
  unsigned arena = 0;
  size_t size = sizeof arena;
  if (mallctl("thread.arena", &arena, &size, nullptr, 0) != 0) return;
  char name[64];
  std::snprintf(name, sizeof name, "arena.%u.extent_hooks", arena);
  extent_hooks_t* own = &hooks;
  mallctl(name, nullptr, nullptr, &own, sizeof(void*));
}

void MendHugePages() {
  if (heap != nullptr) heap->MendSome();
}

void GiveBackKeptPages() {
  if (heap != nullptr) heap->GiveBackKept();
}

size_t HugePageBytes() { return heap == nullptr ? 0 : heap->huge_bytes(); }
size_t KeptFreeBytes() { return heap == nullptr ? 0 : heap->kept_bytes(); }

#else

bool UseHugePages(size_t) { return false; }
void UseHugePagesInThisThread() {}
void MendHugePages() {}
void GiveBackKeptPages() {}
size_t HugePageBytes() { return 0; }
size_t KeptFreeBytes() { return 0; }

#endif

}  // namespace ringkv::storage
