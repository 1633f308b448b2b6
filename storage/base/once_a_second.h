// SPDX-License-Identifier: MIT
// Limits progress lines to one per second, the first a second after construction.
//
// Threads: confined.
#pragma once

#include "storage/base/clock.h"

namespace ringkv::storage {

class OnceASecond {
 public:
  // The clock must outlive it.
  explicit OnceASecond(const Clock& clock) : clock_(clock) {}

  bool IsDue() {
    const int64_t now = clock_.SteadyMs();
    if (now - last_ms_ < 1000) return false;
    last_ms_ = now;
    return true;
  }

 private:
  const Clock& clock_;
  int64_t last_ms_ = clock_.SteadyMs();
};

}  // namespace ringkv::storage
