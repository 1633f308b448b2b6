// SPDX-License-Identifier: MIT
// Memory for entries, and what the process uses in all.
//
// With jemalloc, each thread's own counters of allocated and freed bytes tell the sum without a lock or an atomic on
// the way of a request. Without it (sanitizer builds) the C library is asked, which is slower and only for tests.
//
// Memory belongs to the process and not to a store: the list of those counters is the only global state here, and two
// stores in one process see the same sum. It lives until the process ends, since threads may end after main.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace ringkv::storage {

// Never returns null: a process without memory ends with a line that says so. The bytes up to AllocationSize(size) may
// be used.
void* AllocateBytes(size_t size);
void FreeBytes(void* bytes, size_t size);
void* ReallocateBytes(void* bytes, size_t old_size, size_t new_size);
// The size that an allocation of `size` bytes really takes.
size_t AllocationSize(size_t size);

// A thread calls this once before it allocates much; its memory counts from then on, and after it has ended too.
void CountMemoryOfThisThread();

// Bytes that the program holds from the allocator. Exact to what threads did a moment ago; never negative.
size_t UsedMemory();

struct AllocatorStatistics {
  size_t allocated = 0;  // without what threads keep at hand for their next allocations
  size_t active = 0;
  size_t resident = 0;
  size_t retained = 0;
};
// Costs some microseconds: for INFO, not for requests.
AllocatorStatistics ReadAllocatorStatistics();
std::string AllocatorName();
// Gives free pages back to the operating system.
void PurgeFreePages();

}  // namespace ringkv::storage
