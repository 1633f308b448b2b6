// SPDX-License-Identifier: MIT
#include "storage/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace ringkv::storage {

void CheckFailed(const char* invariant, const char* file, int line) {
  std::fprintf(stderr, "ringkv: broken invariant: %s (%s:%d)\n", invariant, file, line);
  std::abort();
}

}  // namespace ringkv::storage
