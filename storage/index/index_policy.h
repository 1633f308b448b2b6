// SPDX-License-Identifier: MIT
// Decides which indexes exist: each from the first search that would gain from it until it was not used for a while.
//
// Threads: atomic.
#pragma once

#include <atomic>
#include <cstdint>

#include "storage/index/directed_key.h"

namespace ringkv::storage {

enum class IndexMode : uint8_t { kAuto, kAlways, kOff };

class IndexPolicy {
 public:
  // Below this number of keys a walk is as fast.
  static constexpr uint64_t kFewestKeys = 1000;

  void Set(IndexMode mode, int64_t idle_ms) {
    mode_.store(mode, std::memory_order_relaxed);
    idle_ms_.store(idle_ms, std::memory_order_relaxed);
  }
  IndexMode mode() const { return mode_.load(std::memory_order_relaxed); }

  // A search would gain from the index. `now`: steady clock, in milliseconds.
  void Ask(Direction direction, int64_t now) { last_use_[Number(direction)].store(now, std::memory_order_relaxed); }
  // A search has gained from it.
  void NoteAnswer(Direction direction, int64_t now) {
    Ask(direction, now);
    answered_[Number(direction)].fetch_add(1, std::memory_order_relaxed);
  }
  bool IsWanted(Direction direction, int64_t now) const {
    if (mode() != IndexMode::kAuto) return mode() == IndexMode::kAlways;
    const int64_t last = last_use_[Number(direction)].load(std::memory_order_relaxed);
    return last != kNever && now - last <= idle_ms_.load(std::memory_order_relaxed);
  }

  uint64_t answered(Direction direction) const { return answered_[Number(direction)].load(std::memory_order_relaxed); }

 private:
  static constexpr int64_t kNever = INT64_MIN;
  static constexpr size_t Number(Direction direction) { return static_cast<size_t>(direction); }

  std::atomic<IndexMode> mode_{IndexMode::kAuto};
  std::atomic<int64_t> idle_ms_{600'000};
  std::atomic<int64_t> last_use_[kDirections] = {kNever, kNever};
  std::atomic<uint64_t> answered_[kDirections] = {};
};

}  // namespace ringkv::storage
