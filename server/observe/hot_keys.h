// SPDX-License-Identifier: MIT
// HOTKEYS: which keys take the most time of the processor, or the most bytes of the network, while somebody looks.
//
// Threads: synchronised. A request that would wait for another one is left out of the sample.
#pragma once

#include <atomic>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/observe/heavy_hitters.h"
#include "storage/base/clock.h"
#include "storage/base/key_slot.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class HotKeys {
 public:
  static constexpr size_t kMostKeys = 64;

  struct Plan {
    bool by_time = false;
    bool by_bytes = false;
    size_t keys = 10;      // that are told
    uint64_t ratio = 1;    // of requests to those that are looked at
    int64_t lasts_ms = 0;  // 0: until it is stopped
    std::optional<std::bitset<storage::kSlots>> slots;
  };
  // Processor time of the process.
  struct Times {
    uint64_t user_ms = 0;
    uint64_t system_ms = 0;
  };
  // A request that was executed.
  struct Usage {
    uint64_t nanoseconds = 0;
    uint64_t bytes = 0;
  };
  struct Totals {
    std::atomic<uint64_t> nanoseconds{0};
    std::atomic<uint64_t> bytes{0};
    void Add(const Usage& usage) {
      nanoseconds.fetch_add(usage.nanoseconds, std::memory_order_relaxed);
      bytes.fetch_add(usage.bytes, std::memory_order_relaxed);
    }
    Usage Read() const { return {nanoseconds.load(), bytes.load()}; }
    void Reset() {
      nanoseconds = 0;
      bytes = 0;
    }
  };
  struct Report {
    bool is_on = false;
    Plan plan;
    storage::UnixMs began_ms = 0;
    int64_t took_ms = 0;
    Times times;
    Usage all;                                              // of all requests
    Usage in_slots;                                         // of those with a key in the slots of the plan
    Usage sampled;                                          // of these, those that were looked at
    std::vector<std::pair<std::string, uint64_t>> by_time;  // microseconds
    std::vector<std::pair<std::string, uint64_t>> by_bytes;
  };

  bool is_on() const { return is_on_.load(std::memory_order_relaxed); }
  // False if it is on already.
  bool Start(const Plan& plan, uint64_t seed, storage::UnixMs now, const Times& times);
  // False if it isn't on.
  bool Stop(storage::UnixMs now, const Times& times);
  // Forgets what was found. False if it is on.
  bool Reset();
  // Nothing if nothing has been started, or it was forgotten.
  std::optional<Report> Get(storage::UnixMs now, const Times& times);

  // Call for each request while it is on. Its keys share what it took.
  void Add(std::span<const std::string_view> keys, const Usage& usage, storage::UnixMs now);

 private:
  struct Found {
    Plan plan;
    storage::UnixMs began_ms;
    storage::UnixMs ends_ms;  // at the latest
    Times began;
    std::optional<Times> ended;  // none: it is on, or its end has not been noticed
    HeavyHitters by_time;        // nanoseconds
    HeavyHitters by_bytes;
  };

  void EndIfLate(storage::UnixMs now, const Times& times) REQUIRES(mutex_);

  std::atomic<bool> is_on_{false};
  std::atomic<storage::UnixMs> ends_ms_{0};  // of what was started last, for those that don't lock
  Totals all_;
  Totals in_slots_;
  Totals sampled_;
  storage::Mutex mutex_;
  std::optional<Found> found_ GUARDED_BY(mutex_);
  uint64_t requests_ GUARDED_BY(mutex_) = 0;  // in the slots of the plan
};

}  // namespace ringkv::server
