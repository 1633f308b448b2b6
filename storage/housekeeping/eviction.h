// SPDX-License-Identifier: MIT
// Makes room when memory has reached its limit: samples keys and erases those that the policy likes least.
//
// As in Redis, a few keys are sampled for each one that goes, and the best candidates are kept in a small pool across
// calls, which comes close to the true order at a constant cost. A candidate is a position, so that keeping it costs no
// allocation; when its turn comes it must still be as good as when it was sampled.
//
// Threads: confined; each thread that writes has its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "storage/transaction/txn.h"

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

// What memory is held to.
struct MemoryLimit {
  size_t bytes = 0;
  EvictionPolicy policy = EvictionPolicy::kNoEviction;
  size_t samples = 5;  // keys looked at for each one that goes

  // Whether more than that is in use. What waits to be freed in the background counts as freed.
  bool IsExceeded(Store& store) const;
};

enum class Eviction : uint8_t { kDone, kOutOfTime, kNothingToEvict };

class Evictor {
 public:
  // Erases keys until memory is within the limit. `in_time` is asked after each. `txn` holds no lock.
  Eviction MakeRoom(Txn& txn, const MemoryLimit& limit, const std::function<bool()>& in_time);
  // Erases one key. False when no key may be evicted.
  bool EvictOne(Txn& txn, EvictionPolicy policy, size_t samples);

 private:
  struct Candidate {
    uint64_t score;  // the higher, the sooner it goes
    Position position;
    DbIndex db;
  };

  // Samples the next database that has keys which may go. False if none has any.
  bool Fill(Txn& txn, EvictionPolicy policy);
  void Offer(const Candidate& candidate);

  std::vector<Candidate> pool_;  // ascending by score
  EvictionPolicy pool_policy_ = EvictionPolicy::kNoEviction;
  size_t unspent_samples_ = 0;  // keys that were looked at and not yet evicted for
  DbIndex next_db_ = 0;
};

}  // namespace ringkv::storage
