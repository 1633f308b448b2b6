// SPDX-License-Identifier: MIT
// A heap of huge pages: jemalloc gets its memory from one range of addresses, and gives it back as huge_chunk.h says.
//
// With small pages, much of the time that the processor needs to find a key among tens of millions goes to looking up
// where the pages are (docs/decisions/043-huge-pages.md). The system makes huge ones only where it is asked to, and
// jemalloc would break most of them soon, returning a few free pages of each.
//
// Memory belongs to the process, and so does this range (see allocator.h).
//
// Threads: any.
#pragma once

#include <cstddef>

namespace ringkv::storage {

// Call before there are other threads. `most_bytes`: no more than that is in use, at most. False if the system doesn't
// offer huge pages; nothing changes then.
bool UseHugePages(size_t most_bytes);
// The memory of this thread comes from huge pages from now on, if the process uses them. For allocator.cc.
void UseHugePagesInThisThread();
// Makes huge pages of chunks that have become small ones and are in full use; some of them, within milliseconds. Call
// several times a second, by one thread.
void MendHugePages();
// Free pages that are kept go back to the system, and their huge pages are broken.
void GiveBackKeptPages();
// Bytes of the heap that are to be in huge pages: those that are not broken.
size_t HugePageBytes();
// Bytes of free pages that are kept for the sake of the huge pages that they belong to.
size_t KeptFreeBytes();

}  // namespace ringkv::storage
