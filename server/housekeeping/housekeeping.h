// SPDX-License-Identifier: MIT
// Periodic background work: active expiry, eviction, rates, and the ticks of other parts. A second thread builds and
// drops key indexes.
//
// Threads: two of its own; other state is atomic.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>

#include "server/base/needs.h"
#include "server/base/pause.h"
#include "server/config/options.h"
#include "server/housekeeping/memory_keeper.h"
#include "server/housekeeping/rates.h"
#include "server/observe/latency_events.h"
#include "server/observe/tick_clock.h"
#include "storage/base/clock.h"
#include "storage/keyspace/store.h"

namespace ringkv::server {

// All references must outlive the object.
struct HousekeepingParts {
  const Options& options;
  const storage::Clock& clock;
  const TickClock& ticks;
  storage::Store& store;
  const ThreadStates& threads;
  const UnmetNeeds& needs;
  Pause& pause;
  MemoryKeeper& memory;
  LatencyEvents& latency_events;
  std::function<LinkBytes()> link_bytes;  // so far
  std::function<void()> tick;             // of other parts
};

// The cost of active expiry.
struct ExpiryCost {
  std::atomic<uint64_t> microseconds{0};
  std::atomic<uint64_t> slices_cut{0};  // that ended by their time, not because all expired keys were erased
};

class Housekeeping {
 public:
  explicit Housekeeping(HousekeepingParts parts) : parts_(std::move(parts)) {}
  ~Housekeeping() { Stop(); }

  // Call once, when the data is loaded.
  void Start();
  void Stop();

  // Active expiry (DEBUG SET-ACTIVE-EXPIRE).
  void set_active_expiry(bool active) { active_expiry_.store(active, std::memory_order_relaxed); }
  // Stops or resumes all jobs but the index builds (DEBUG PAUSE-CRON).
  void set_paused(bool paused) { is_paused_.store(paused, std::memory_order_relaxed); }
  const Rates& rates() const { return rates_; }
  const ExpiryCost& expiry_cost() const { return expiry_cost_; }
  void ResetExpiryCost();

 private:
  void Run();
  void SweepExpiredKeys();
  // Returns whether more keys must be evicted.
  bool StayWithinMemory();
  void BuildIndexes();

  const HousekeepingParts parts_;
  Rates rates_;
  ExpiryCost expiry_cost_;
  std::atomic<bool> active_expiry_{true};
  std::atomic<bool> is_paused_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
  std::thread index_builder_;
};

}  // namespace ringkv::server
