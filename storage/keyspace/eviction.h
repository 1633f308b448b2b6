// SPDX-License-Identifier: MIT
// Makes room when memory has reached its limit: samples keys and erases those that the policy likes least.
//
// As in Redis, a few keys are sampled at a time and the best candidates are kept in a small pool across calls, which
// comes close to the true order at a constant cost.
//
// Threads: confined; each thread that writes has its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "storage/txn.h"

namespace ringkv::storage {

// In the order in which the option names them.
enum class EvictionPolicy : uint8_t {
  kVolatileLru,
  kVolatileLfu,
  kVolatileRandom,
  kVolatileTtl,
  kAllKeysLru,
  kAllKeysLfu,
  kAllKeysRandom,
  kNoEviction,
};

bool IsLfu(EvictionPolicy policy);
bool IsLru(EvictionPolicy policy);

class Evictor {
 public:
  // Erases one key in `txn`, which holds no lock. False when no key may be evicted.
  bool EvictOne(Txn& txn, EvictionPolicy policy, size_t samples);

 private:
  struct Candidate {
    uint64_t score;  // the higher, the sooner it goes
    DbIndex db;
    std::string key;
  };

  void Fill(Txn& txn, EvictionPolicy policy, size_t samples);
  bool EvictRandom(Txn& txn, bool volatile_only);

  std::vector<Candidate> pool_;  // ascending by score
  DbIndex next_db_ = 0;
};

}  // namespace ringkv::storage
