// SPDX-License-Identifier: MIT
// Chance that is the same in each run.
#pragma once

#include <cstdint>

#include "storage/base/mutex.h"
#include "storage/base/random.h"

namespace ringkv::test {

class SeededChance final : public storage::Chance {
 public:
  explicit SeededChance(uint64_t seed) : random_(seed) {}
  uint64_t Next() override {
    storage::MutexLock lock(mutex_);
    return random_.Next();
  }

 private:
  storage::Mutex mutex_;
  storage::Random random_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::test
