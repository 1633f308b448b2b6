// SPDX-License-Identifier: MIT
#include "storage/housekeeping/eviction.h"

#include <algorithm>
#include <functional>

#include "storage/base/allocator.h"
#include "storage/transaction/walk.h"

namespace ringkv::storage {
namespace {

constexpr size_t kPoolSize = 16;
// Samples under one lock; several of them are evicted.
constexpr size_t kSamplesAtOnce = 16;
constexpr int kTries = 64;  // a sampled key may be gone when it is its turn to be evicted

bool IsVolatileOnly(EvictionPolicy policy) {
  return policy == EvictionPolicy::kVolatileLru || policy == EvictionPolicy::kVolatileRandom ||
         policy == EvictionPolicy::kVolatileTtl || policy == EvictionPolicy::kVolatileLfu;
}

bool IsRandom(EvictionPolicy policy) {
  return policy == EvictionPolicy::kAllKeysRandom || policy == EvictionPolicy::kVolatileRandom;
}

// 0 for what may not go.
uint64_t ScoreOf(const Entry& entry, EvictionPolicy policy, Txn& txn) {
  if (IsVolatileOnly(policy) && !entry.has_expiry()) return 0;
  if (IsRandom(policy)) return 1;
  if (policy == EvictionPolicy::kVolatileTtl) return UINT64_MAX / 2 - static_cast<uint64_t>(entry.expiry());
  if (IsLfu(policy)) return 256 - LfuCounter(entry.access(), txn.store().access_options(), txn.now());
  return static_cast<uint64_t>(IdleSeconds(entry.access(), txn.now())) + 1;
}

// Calls `look(db)` for the databases from `*next` on, each once, until it says that it found something; `*next` is then
// the one behind that. False if none said so.
template <typename Look>
bool TryDatabases(const Occupancy& occupancy, DbIndex* next, Look&& look) {
  const DbIndex start = *next;
  bool wrapped = false;
  for (DbIndex db = occupancy.NextUsed(start);; db = occupancy.NextUsed(static_cast<DbIndex>(db + 1))) {
    if (db == occupancy.databases() && !wrapped) {
      wrapped = true;
      db = occupancy.NextUsed(0);
    }
    if (db == occupancy.databases() || (wrapped && db >= start)) return false;
    if (!look(db)) continue;
    *next = static_cast<DbIndex>((db + 1) % occupancy.databases());
    return true;
  }
}

}  // namespace

bool IsLfu(EvictionPolicy policy) {
  return policy == EvictionPolicy::kAllKeysLfu || policy == EvictionPolicy::kVolatileLfu;
}

bool IsLru(EvictionPolicy policy) {
  return policy == EvictionPolicy::kAllKeysLru || policy == EvictionPolicy::kVolatileLru;
}

// What is not counted is announced before it is allocated, and until it is free: so one of two readings around that of
// the memory in use has it.
bool MemoryLimit::IsExceeded(Store& store) const {
  const size_t uncounted = store.UncountedBytes();
  const size_t used = UsedMemory();
  return used > bytes + uncounted && used > bytes + store.UncountedBytes();
}

Eviction Evictor::MakeRoom(Txn& txn, const MemoryLimit& limit, const std::function<bool()>& in_time) {
  while (limit.IsExceeded(txn.store())) {
    if (!EvictOne(txn, limit.policy, limit.samples)) {
      return txn.TakeSkipped() ? Eviction::kOutOfTime : Eviction::kNothingToEvict;  // there may be something later
    }
    if (!in_time()) return Eviction::kOutOfTime;
  }
  return Eviction::kDone;
}

void Evictor::Offer(const Candidate& candidate) {
  if (pool_.size() == kPoolSize && candidate.score <= pool_.front().score) return;
  const auto is_known = [&](const Candidate& known) {
    return known.position.value == candidate.position.value && known.db == candidate.db;
  };
  if (std::any_of(pool_.begin(), pool_.end(), is_known)) return;
  if (pool_.size() == kPoolSize) pool_.erase(pool_.begin());
  const auto place = std::upper_bound(pool_.begin(), pool_.end(), candidate.score,
                                      [](uint64_t value, const Candidate& other) { return value < other.score; });
  pool_.insert(place, candidate);
}

bool Evictor::Fill(Txn& txn, EvictionPolicy policy) {
  size_t seen = 0;
  const auto look = [&](DbIndex db) {
    const auto offer = [&](Position position, const Entry& entry) {
      ++seen;
      Offer({ScoreOf(entry, policy, txn), position, db});
    };
    Sample(txn, db, kSamplesAtOnce, IsVolatileOnly(policy), std::cref(offer));
    return seen > 0;
  };
  const bool found = TryDatabases(txn.store().occupancy(), &next_db_, look);
  unspent_samples_ += seen;
  return found;
}

void Evictor::OfferDue(const DueKeys& keys) {
  if (due_.size() == kPoolSize && keys.due >= due_.front().due) return;
  const auto is_known = [&](const DueKeys& known) {
    return known.first.value == keys.first.value && known.db == keys.db;
  };
  if (std::any_of(due_.begin(), due_.end(), is_known)) return;
  if (due_.size() == kPoolSize) due_.erase(due_.begin());
  const auto place = std::upper_bound(due_.begin(), due_.end(), keys.due,
                                      [](DueTime value, const DueKeys& other) { return value > other.due; });
  due_.insert(place, keys);
}

// A segment stands for as many samples as it has keys, but not for so many that all of it would go before another one's
// turn comes.
bool Evictor::LookForDue(Txn& txn, size_t samples) {
  constexpr size_t kEvictionsALook = 4;
  const auto look = [&](DbIndex db) {
    const std::optional<DueKeys> found = SampleDue(txn, db);
    if (!found) return false;
    OfferDue(*found);
    unspent_samples_ += std::min(found->count, kEvictionsALook * samples);
    return true;
  };
  return TryDatabases(txn.store().occupancy(), &next_db_, look);
}

bool Evictor::EvictFirstDue(Txn& txn, size_t samples) {
  for (int i = 0; i < kTries; ++i) {
    while (unspent_samples_ < samples && LookForDue(txn, samples)) {
    }
    if (due_.empty() && !LookForDue(txn, samples)) return false;
    unspent_samples_ -= std::min(unspent_samples_, samples);
    DueKeys keys = due_.back();
    due_.pop_back();
    const bool is_evicted = EvictDue(txn, &keys);
    if (keys.due != kNeverDue) OfferDue(keys);
    if (is_evicted) return true;
  }
  return false;
}

bool Evictor::EvictOne(Txn& txn, EvictionPolicy policy, size_t samples) {
  if (policy == EvictionPolicy::kNoEviction) return false;
  if (IsRandom(policy)) samples = 1;
  if (policy != pool_policy_) {
    pool_.clear();  // scores of another kind
    unspent_samples_ = 0;
    due_.clear();
    pool_policy_ = policy;
  }
  if (policy == EvictionPolicy::kVolatileTtl && EvictFirstDue(txn, samples)) return true;
  for (int i = 0; i < kTries; ++i) {
    while (unspent_samples_ < samples && Fill(txn, policy)) {
    }
    if (pool_.empty() && !Fill(txn, policy)) return false;
    unspent_samples_ -= std::min(unspent_samples_, samples);
    const Candidate candidate = pool_.back();
    pool_.pop_back();
    // A key that was used since is no candidate any more.
    const auto still_fits = [&](const Entry& entry) { return ScoreOf(entry, policy, txn) >= candidate.score; };
    if (EvictAt(txn, candidate.db, candidate.position, std::cref(still_fits))) return true;
  }
  return false;
}

}  // namespace ringkv::storage
