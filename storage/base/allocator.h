// SPDX-License-Identifier: MIT
// Memory for entries, and the memory use of the process.
//
// With jemalloc, the sum of each thread's counters of allocated and freed bytes needs no lock and no atomic on the path
// of a request. Without it (sanitizer builds) the C library is asked, which is slower and only for tests.
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
// The same, of zeros: those of whole pages are left to the system, which makes a page when it is used.
void* AllocateZeros(size_t size);
void FreeBytes(void* bytes, size_t size);
void* ReallocateBytes(void* bytes, size_t old_size, size_t new_size);
// The actual size of an allocation of `size` bytes.
size_t AllocationSize(size_t size);

// Call once per thread, before it allocates much: its memory counts from then on, even after the thread has ended.
void CountMemoryOfThisThread();

// Bytes allocated by the process. Exact up to very recent changes of other threads; never negative.
size_t UsedMemory();

// Bytes of the machine.
size_t MachineMemory();

struct AllocatorStatistics {
  size_t allocated = 0;  // without thread caches
  size_t active = 0;
  size_t resident = 0;
  size_t retained = 0;
};
// Costs some microseconds: for INFO, not for requests.
AllocatorStatistics ReadAllocatorStatistics();
std::string AllocatorName();
// The allocator's own report. Costs milliseconds.
std::string DescribeAllocator();
// Returns free pages to the operating system.
void PurgeFreePages();

}  // namespace ringkv::storage
