// SPDX-License-Identifier: MIT
// The 24 bits of an entry for its last access or its access frequency, for eviction and OBJECT IDLETIME / FREQ.
//
// Least recently used: the second of the last use, modulo 2^24 (194 days). Least frequently used: the minute of the
// last decay (16 bits) and a logarithmic counter (8 bits) that grows with probability 1/((counter-5)*factor+1) and
// loses one for each `decay_minutes`. Both as in Redis, so the figures mean the same.
#pragma once

#include <atomic>
#include <cstdint>

#include "storage/base/clock.h"
#include "storage/base/random.h"

namespace ringkv::storage {

enum class AccessMode : uint8_t { kLeastRecent, kLeastFrequent };

// Thread rule: atomic; CONFIG SET changes it while requests run.
struct AccessOptions {
  std::atomic<AccessMode> mode{AccessMode::kLeastRecent};
  std::atomic<uint32_t> lfu_log_factor{10};
  std::atomic<uint32_t> lfu_decay_minutes{1};
};

constexpr uint32_t kLfuInitialCounter = 5;

inline uint32_t AccessSecond(UnixMs now) { return static_cast<uint32_t>(now / 1000) & 0xffffff; }
inline uint32_t AccessMinute(UnixMs now) { return static_cast<uint32_t>(now / 60000) & 0xffff; }

inline uint32_t FirstAccess(const AccessOptions& options, UnixMs now) {
  if (options.mode.load(std::memory_order_relaxed) == AccessMode::kLeastRecent) return AccessSecond(now);
  return (AccessMinute(now) << 8) | kLfuInitialCounter;
}

// The counter after decay by the elapsed time.
inline uint32_t LfuCounter(uint32_t access, const AccessOptions& options, UnixMs now) {
  const uint32_t counter = access & 0xff;
  const uint32_t decay_minutes = options.lfu_decay_minutes.load(std::memory_order_relaxed);
  if (decay_minutes == 0) return counter;
  const uint32_t periods = ((AccessMinute(now) - (access >> 8)) & 0xffff) / decay_minutes;
  return periods > counter ? 0 : counter - periods;
}

// `access` after one more use.
inline uint32_t NextAccess(uint32_t access, const AccessOptions& options, UnixMs now, Random& random) {
  if (options.mode.load(std::memory_order_relaxed) == AccessMode::kLeastRecent) return AccessSecond(now);
  uint32_t counter = LfuCounter(access, options, now);
  if (counter < 255) {
    const double base = counter > kLfuInitialCounter ? counter - kLfuInitialCounter : 0;
    const double factor = options.lfu_log_factor.load(std::memory_order_relaxed);
    if (random.Fraction() < 1.0 / (base * factor + 1)) ++counter;
  }
  return (AccessMinute(now) << 8) | counter;
}

inline int64_t IdleSeconds(uint32_t access, UnixMs now) { return (AccessSecond(now) - access) & 0xffffff; }

}  // namespace ringkv::storage
