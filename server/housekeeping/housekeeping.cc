// SPDX-License-Identifier: MIT
#include "server/housekeeping/housekeeping.h"

#include <algorithm>
#include <chrono>

#include "server/observe/log.h"
#include "storage/base/allocator.h"
#include "storage/base/huge_pages.h"
#include "storage/base/random.h"
#include "storage/housekeeping/expiry_job.h"
#include "storage/housekeeping/index_job.h"

namespace ringkv::server {

void Housekeeping::Start() {
  thread_ = std::thread([this] { Run(); });
  index_builder_ = std::thread([this] { BuildIndexes(); });
}

void Housekeeping::Stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  if (index_builder_.joinable()) index_builder_.join();
}

void Housekeeping::Run() {
  NameThisThread("housekeeping");
  storage::CountMemoryOfThisThread();
  constexpr uint64_t kRateMicroseconds = 1'000'000;
  constexpr auto kPausedNap = std::chrono::milliseconds(10);
  const TickClock& ticks = parts_.ticks;
  uint64_t last_rates = ticks.Now();
  while (!stopping_) {
    if (is_paused_.load(std::memory_order_relaxed)) {
      std::this_thread::sleep_for(kPausedNap);
      continue;
    }
    if (parts_.store.MayExpire()) SweepExpiredKeys();
    const bool has_more_to_evict = StayWithinMemory();
    parts_.tick();
    parts_.memory.NotePeak(storage::UsedMemory());
    if (!has_more_to_evict) storage::MendHugePages();
    const uint64_t elapsed = ticks.Microseconds(ticks.Now() - last_rates);
    if (elapsed >= kRateMicroseconds) {
      rates_.Sample(parts_.threads, parts_.link_bytes(), static_cast<int64_t>(elapsed / 1000));
      last_rates = ticks.Now();
    }
    // Whatever hz says, memory that exceeds its limit is noticed soon.
    const int64_t rest_ms = has_more_to_evict ? 0 : std::clamp<int64_t>(1000 / parts_.options.hz, 2, 100);
    std::this_thread::sleep_for(std::chrono::milliseconds(rest_ms));
  }
}

void Housekeeping::ResetExpiryCost() {
  expiry_cost_.microseconds = 0;
  expiry_cost_.slices_cut = 0;
}

void Housekeeping::SweepExpiredKeys() {
  // With the least effort a third of one processor, in slices of a millisecond, until the keyspace is passed.
  constexpr int64_t kSliceMicroseconds = 1000;
  const int64_t percent = 33 + 3 * (parts_.options.active_expire_effort - 1);
  const std::chrono::microseconds rest(kSliceMicroseconds * (100 - percent) / percent);
  const TickClock& ticks = parts_.ticks;
  storage::ExpiryJob job(parts_.store);
  bool finished = false;
  const uint64_t pass_start = ticks.Now();
  while (!finished && !stopping_ && active_expiry_.load(std::memory_order_relaxed)) {
    const uint64_t start = ticks.Now();
    while (!finished && ticks.Microseconds(ticks.Now() - start) < uint64_t{kSliceMicroseconds}) finished = job.Step();
    expiry_cost_.microseconds += ticks.Microseconds(ticks.Now() - start);
    if (finished) break;
    ++expiry_cost_.slices_cut;
    std::this_thread::sleep_for(rest);
  }
  const uint64_t took_ms = ticks.Microseconds(ticks.Now() - pass_start) / 1000;
  const int64_t threshold = parts_.options.latency_monitor_threshold;
  if (threshold > 0 && took_ms >= static_cast<uint64_t>(threshold)) {
    parts_.latency_events.Add("expire-cycle", parts_.clock.Now() / 1000, took_ms);
  }
}

// Commands evict as they come; this is for memory that exceeds its limit without one: the limit was lowered, or buffers
// have grown.
bool Housekeeping::StayWithinMemory() {
  constexpr uint64_t kMostMicroseconds = 50'000;  // the other jobs are not to wait for longer
  constexpr uint64_t kSliceMicroseconds = 1000;
  constexpr uint32_t kReasonsToWait = kNeedsLoaded | kNeedsLogRoom | kNeedsHealthyDisk;
  const TickClock& ticks = parts_.ticks;
  storage::Random random(ticks.Now());
  storage::Txn txn(parts_.store, parts_.clock.Now(), random);
  txn.set_skips_held(true);  // the other jobs of this thread do not wait for a script
  storage::Evictor evictor;
  const uint64_t start = ticks.Now();
  while (!stopping_ && ticks.Microseconds(ticks.Now() - start) < kMostMicroseconds) {
    txn.set_now(parts_.clock.Now());
    const uint32_t unmet = parts_.needs.Get();
    if ((unmet & kNeedsMemoryChecked) == 0) parts_.memory.NoteUnlimited();
    if ((unmet & kNeedsMemoryChecked) == 0 || (unmet & kReasonsToWait) != 0) return false;
    if (parts_.pause.Current() != PauseMode::kNone) return false;
    if (parts_.memory.MakeRoom(txn, evictor, kSliceMicroseconds) != storage::Eviction::kOutOfTime) return false;
  }
  return true;
}

void Housekeeping::BuildIndexes() {
  NameThisThread("index");
  storage::CountMemoryOfThisThread();
  constexpr auto kNap = std::chrono::milliseconds(50);
  storage::IndexJob job(parts_.store);
  while (!stopping_) {
    if (!job.Step()) std::this_thread::sleep_for(kNap);
  }
}

}  // namespace ringkv::server
