// SPDX-License-Identifier: MIT
#include "storage/keyspace/eviction.h"

#include <algorithm>

namespace ringkv::storage {
namespace {

constexpr size_t kPoolSize = 16;

bool IsVolatileOnly(EvictionPolicy policy) {
  return policy == EvictionPolicy::kVolatileLru || policy == EvictionPolicy::kVolatileRandom ||
         policy == EvictionPolicy::kVolatileTtl || policy == EvictionPolicy::kVolatileLfu;
}

uint64_t ScoreOf(const Entry& entry, EvictionPolicy policy, Txn& txn) {
  if (policy == EvictionPolicy::kVolatileTtl) return UINT64_MAX / 2 - static_cast<uint64_t>(entry.expiry());
  if (IsLfu(policy)) return 255 - LfuCounter(entry.access(), txn.store().access_options(), txn.now());
  return static_cast<uint64_t>(IdleSeconds(entry.access(), txn.now()));
}

bool Evict(Txn& txn, DbIndex db, std::string_view key, bool volatile_only) {
  txn.LockKey(key);
  Place place = txn.Find(db, key, Intent::kCheck);
  const bool found = place && (!volatile_only || place.entry().has_expiry());
  if (found) txn.Do(place, Erase{EraseReason::kEvicted});
  txn.Unlock();
  return found;
}

}  // namespace

bool IsLfu(EvictionPolicy policy) {
  return policy == EvictionPolicy::kAllKeysLfu || policy == EvictionPolicy::kVolatileLfu;
}

bool IsLru(EvictionPolicy policy) {
  return policy == EvictionPolicy::kAllKeysLru || policy == EvictionPolicy::kVolatileLru;
}

void Evictor::Fill(Txn& txn, EvictionPolicy policy, size_t samples) {
  for (DbIndex db = 0; db < txn.store().databases(); ++db) {
    txn.Sample(db, samples, IsVolatileOnly(policy), [&](const Entry& entry) {
      const uint64_t score = ScoreOf(entry, policy, txn);
      if (pool_.size() == kPoolSize && score <= pool_.front().score) return;
      for (const Candidate& known : pool_) {
        if (known.db == db && known.key == entry.key()) return;
      }
      if (pool_.size() == kPoolSize) pool_.erase(pool_.begin());
      const auto place = std::upper_bound(pool_.begin(), pool_.end(), score,
                                          [](uint64_t value, const Candidate& other) { return value < other.score; });
      pool_.insert(place, Candidate{score, db, std::string(entry.key())});
    });
  }
}

bool Evictor::EvictRandom(Txn& txn, bool volatile_only) {
  for (DbIndex tried = 0; tried < txn.store().databases(); ++tried) {
    const DbIndex db = next_db_;
    next_db_ = static_cast<DbIndex>((next_db_ + 1) % txn.store().databases());
    std::string key;
    bool found = false;
    txn.Sample(db, 1, volatile_only, [&](const Entry& entry) {
      key = entry.key();
      found = true;
    });
    if (found && Evict(txn, db, key, volatile_only)) return true;
  }
  return false;
}

bool Evictor::EvictOne(Txn& txn, EvictionPolicy policy, size_t samples) {
  if (policy == EvictionPolicy::kNoEviction) return false;
  const bool volatile_only = IsVolatileOnly(policy);
  if (policy == EvictionPolicy::kAllKeysRandom || policy == EvictionPolicy::kVolatileRandom) {
    return EvictRandom(txn, volatile_only);
  }
  // A candidate may be gone by now; then the pool is filled and tried once more.
  for (int attempt = 0; attempt < 2; ++attempt) {
    Fill(txn, policy, samples);
    while (!pool_.empty()) {
      const Candidate candidate = std::move(pool_.back());
      pool_.pop_back();
      if (Evict(txn, candidate.db, candidate.key, volatile_only)) return true;
    }
  }
  return false;
}

}  // namespace ringkv::storage
