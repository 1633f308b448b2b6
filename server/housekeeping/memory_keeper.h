// SPDX-License-Identifier: MIT
// Keeps memory within maxmemory, and tracks its peak.
//
// Threads: atomic; an evictor and a transaction belong to their thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "server/config/options.h"
#include "server/observe/latency_events.h"
#include "server/observe/tick_clock.h"
#include "storage/base/clock.h"
#include "storage/housekeeping/eviction.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

class MemoryKeeper {
 public:
  // All references must outlive the object.
  MemoryKeeper(const Options& options, const storage::Clock& clock, const TickClock& ticks, storage::Store& store,
               LatencyEvents& latency_events);

  // Evicts keys with `evictor` until memory is within maxmemory, for at most about this many microseconds.
  // `txn` holds no lock.
  storage::Eviction MakeRoom(storage::Txn& txn, storage::Evictor& evictor, uint64_t most_microseconds);

  // There is no limit.
  void NoteUnlimited() { NoteExceeded(false); }
  // How long memory has exceeded maxmemory, and in all since the start, in milliseconds.
  int64_t exceeded_ms() const;
  int64_t total_exceeded_ms() const { return exceeded_ms() + exceeded_before_ms_.load(std::memory_order_relaxed); }

  size_t peak() const { return peak_.load(std::memory_order_relaxed); }
  void NotePeak(size_t used);
  void ResetPeak();
  // Memory use when the server began to serve.
  size_t startup() const { return startup_; }
  void NoteStartup();

 private:
  static constexpr int64_t kWithinLimit = -1;

  void NoteExceeded(bool exceeded);

  const Options& options_;
  const storage::Clock& clock_;
  const TickClock& ticks_;
  storage::Store& store_;
  LatencyEvents& latency_events_;
  std::atomic<size_t> peak_{0};
  std::atomic<int64_t> exceeded_since_{kWithinLimit};  // by the steady clock
  std::atomic<int64_t> exceeded_before_ms_{0};
  size_t startup_ = 0;
};

}  // namespace ringkv::server
