// SPDX-License-Identifier: MIT
// Prefetches of memory that will be written.
#pragma once

namespace ringkv::storage {

// Takes the cache line over from another processor's cache as a write would. The compiler's builtin fetches it for
// reading where it may not assume an instruction for more, which processors without it take for none.
inline void PrefetchForWrite(const char* address) {
#ifdef __x86_64__
  asm volatile("prefetchw %0" : : "m"(*address));
#else
  __builtin_prefetch(address, 1);
#endif
}

}  // namespace ringkv::storage
