// SPDX-License-Identifier: MIT
// Eviction at maxmemory: samples keys and erases those that the policy ranks highest.
//
// As in Redis, a few keys are sampled per evicted key, and the best candidates are kept in a small pool across calls,
// which approximates the true order at constant cost. A candidate is a position, so keeping it needs no allocation;
// before eviction it must still be as good as when it was sampled.
//
// volatile-ttl samples no keys: a segment knows which of its thousand keys expires first. Its pool consists of
// segments.
//
// Threads: confined; one per thread that writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "storage/transaction/sweep.h"

namespace ringkv::storage {

// In the order of the option's choices.
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

// The limits of memory.
struct MemoryLimit {
  size_t bytes = 0;
  EvictionPolicy policy = EvictionPolicy::kNoEviction;
  size_t samples = 5;  // keys sampled per evicted key

  // Whether memory use exceeds the limit, without what the store does not count.
  bool IsExceeded(Store& store) const;
};

enum class Eviction : uint8_t { kDone, kOutOfTime, kNothingToEvict };

class Evictor {
 public:
  // Erases keys until memory is within the limit, while `in_time` returns true. `txn` holds no lock.
  Eviction MakeRoom(Txn& txn, const MemoryLimit& limit, const std::function<bool()>& in_time);
  // Erases one key. False when no key may be evicted.
  bool EvictOne(Txn& txn, EvictionPolicy policy, size_t samples);

 private:
  struct Candidate {
    uint64_t score;  // the highest is evicted first
    Position position;
    DbIndex db;
  };

  // Evicts the first key to expire of the known segments. False if none is known or found.
  bool EvictFirstDue(Txn& txn, size_t samples);
  // Offers a random segment of the next database with an expiry. False if there is none.
  bool LookForDue(Txn& txn, size_t samples);
  void OfferDue(const DueKeys& keys);

  // Samples the next database with evictable keys. False if there is none.
  bool Fill(Txn& txn, EvictionPolicy policy);
  void Offer(const Candidate& candidate);

  std::vector<Candidate> pool_;  // ascending by score
  std::vector<DueKeys> due_;     // descending by time
  EvictionPolicy pool_policy_ = EvictionPolicy::kNoEviction;
  size_t unspent_samples_ = 0;  // sampled keys not yet used up by evictions
  DbIndex next_db_ = 0;
};

}  // namespace ringkv::storage
