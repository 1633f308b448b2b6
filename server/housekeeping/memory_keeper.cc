// SPDX-License-Identifier: MIT
#include "server/housekeeping/memory_keeper.h"

#include <algorithm>

#include "storage/base/allocator.h"
#include "storage/keyspace/store.h"

namespace ringkv::server {

MemoryKeeper::MemoryKeeper(const Options& options, const storage::Clock& clock, const TickClock& ticks,
                           storage::Store& store, LatencyEvents& latency_events)
    : options_(options), clock_(clock), ticks_(ticks), store_(store), latency_events_(latency_events) {}

storage::Eviction MemoryKeeper::MakeRoom(storage::Txn& txn, storage::Evictor& evictor, uint64_t most_microseconds) {
  constexpr int64_t kMostSamples = 64;  // more tell the evictor nothing, and the request that makes room waits for it
  const storage::MemoryLimit limit{
      .bytes = static_cast<size_t>(options_.maxmemory.load()),
      .policy = static_cast<storage::EvictionPolicy>(options_.maxmemory_policy.load()),
      .samples = static_cast<size_t>(std::min(options_.maxmemory_samples.load(), kMostSamples))};
  if (limit.bytes == 0 || !limit.IsExceeded(store_)) {
    NoteExceeded(false);
    return storage::Eviction::kDone;
  }
  const uint64_t start = ticks_.Now();
  const auto took = [this, start] { return ticks_.Microseconds(ticks_.Now() - start); };
  const storage::Eviction outcome =
      evictor.MakeRoom(txn, limit, [&took, most_microseconds] { return took() < most_microseconds; });
  NoteExceeded(outcome != storage::Eviction::kDone);
  const int64_t threshold = options_.latency_monitor_threshold;
  if (threshold > 0 && took() / 1000 >= static_cast<uint64_t>(threshold)) {
    latency_events_.Add("eviction-cycle", clock_.Now() / 1000, took() / 1000);
  }
  return outcome;
}

// Called by several threads: the one that ends the period counts it.
void MemoryKeeper::NoteExceeded(bool exceeded) {
  int64_t since = exceeded_since_.load(std::memory_order_relaxed);
  if (exceeded == (since != kWithinLimit)) return;
  const int64_t now = clock_.SteadyMs();
  if (!exceeded_since_.compare_exchange_strong(since, exceeded ? now : kWithinLimit)) return;
  if (!exceeded) exceeded_before_ms_ += now - since;
}

int64_t MemoryKeeper::exceeded_ms() const {
  const int64_t since = exceeded_since_.load(std::memory_order_relaxed);
  return since == kWithinLimit ? 0 : clock_.SteadyMs() - since;
}

void MemoryKeeper::NotePeak(size_t used) {
  size_t peak = peak_.load(std::memory_order_relaxed);
  while (used > peak && !peak_.compare_exchange_weak(peak, used, std::memory_order_relaxed)) {
  }
}

void MemoryKeeper::ResetPeak() { peak_.store(storage::UsedMemory(), std::memory_order_relaxed); }

void MemoryKeeper::NoteStartup() { startup_ = storage::UsedMemory(); }

}  // namespace ringkv::server
