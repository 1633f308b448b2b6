// SPDX-License-Identifier: MIT
// Checks of invariants at run time. A violation is a bug, and continuing could spread the damage, so the process ends.
#pragma once

namespace ringkv::storage {

[[noreturn]] void CheckFailed(const char* invariant, const char* file, int line);

}  // namespace ringkv::storage

// On in every build.
#define RINGKV_CHECK(invariant) \
  ((invariant) ? static_cast<void>(0) : ::ringkv::storage::CheckFailed(#invariant, __FILE__, __LINE__))

// On hot paths: only in builds without NDEBUG.
#ifdef NDEBUG
#define RINGKV_DCHECK(invariant) static_cast<void>(0)
#else
#define RINGKV_DCHECK(invariant) RINGKV_CHECK(invariant)
#endif
