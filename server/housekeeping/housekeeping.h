// SPDX-License-Identifier: MIT
// What is done in the background, some times a second: expired keys, memory beyond its limit, rates, and what other
// parts have to do. A second thread builds and drops indexes of keys.
//
// Threads: two of its own; the rest is atomic.
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

// All must outlive it.
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
  std::function<void()> tick;  // of other parts
};

class Housekeeping {
 public:
  explicit Housekeeping(HousekeepingParts parts) : parts_(std::move(parts)) {}
  ~Housekeeping() { Stop(); }

  // Once, when the data is there.
  void Start();
  void Stop();

  // Whether keys that have expired are looked for (DEBUG SET-ACTIVE-EXPIRE).
  void set_active_expiry(bool active) { active_expiry_.store(active, std::memory_order_relaxed); }
  const Rates& rates() const { return rates_; }

 private:
  void Run();
  void SweepExpiredKeys();
  // True if there is more to evict.
  bool StayWithinMemory();
  void BuildIndexes();

  const HousekeepingParts parts_;
  Rates rates_;
  std::atomic<bool> active_expiry_{true};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
  std::thread index_builder_;
};

}  // namespace ringkv::server
