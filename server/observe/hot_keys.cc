// SPDX-License-Identifier: MIT
#include "server/observe/hot_keys.h"

#include <algorithm>

namespace ringkv::server {
namespace {

// Names that are counted for each that is told. Of names that get far more than others the amounts are nearly exact; if
// all get about the same, each is told with what others got whose place it took.
constexpr size_t kCountedPerKey = 16;

HotKeys::Times Since(const HotKeys::Times& began, const HotKeys::Times& now) {
  return {now.user_ms - began.user_ms, now.system_ms - began.system_ms};
}

}  // namespace

bool HotKeys::Start(const Plan& plan, uint64_t seed, storage::UnixMs now, const Times& times) {
  storage::MutexLock lock(mutex_);
  EndIfLate(now, times);
  if (is_on()) return false;
  for (Totals* totals : {&all_, &in_slots_, &sampled_}) totals->Reset();
  const storage::SeededHash hash(seed);
  const size_t counted = kCountedPerKey * plan.keys;
  found_.emplace(Found{.plan = plan,
                       .began_ms = now,
                       .ends_ms = plan.lasts_ms == 0 ? INT64_MAX : now + plan.lasts_ms,
                       .began = times,
                       .ended = {},
                       .by_time = HeavyHitters(counted, hash),
                       .by_bytes = HeavyHitters(counted, hash)});
  ends_ms_ = found_->ends_ms;
  is_on_ = true;
  return true;
}

void HotKeys::EndIfLate(storage::UnixMs now, const Times& times) {
  if (!found_ || found_->ended || now < found_->ends_ms) return;
  found_->ended = times;
  is_on_ = false;
}

bool HotKeys::Stop(storage::UnixMs now, const Times& times) {
  storage::MutexLock lock(mutex_);
  EndIfLate(now, times);
  if (!is_on()) return false;
  found_->ends_ms = now;
  EndIfLate(now, times);
  return true;
}

bool HotKeys::Reset() {
  storage::MutexLock lock(mutex_);
  if (is_on()) return false;
  found_.reset();
  return true;
}

std::optional<HotKeys::Report> HotKeys::Get(storage::UnixMs now, const Times& times) {
  storage::MutexLock lock(mutex_);
  EndIfLate(now, times);
  if (!found_) return std::nullopt;
  Report report{.is_on = is_on(),
                .plan = found_->plan,
                .began_ms = found_->began_ms,
                .took_ms = std::max<int64_t>(std::min(now, found_->ends_ms) - found_->began_ms, 0),
                .times = Since(found_->began, found_->ended.value_or(times)),
                .all = all_.Read(),
                .in_slots = in_slots_.Read(),
                .sampled = sampled_.Read(),
                .by_time = found_->by_time.Greatest(found_->plan.keys),
                .by_bytes = found_->by_bytes.Greatest(found_->plan.keys)};
  for (auto& [key, amount] : report.by_time) amount /= 1000;
  return report;
}

void HotKeys::Add(std::span<const std::string_view> keys, const Usage& usage, storage::UnixMs now) {
  if (now >= ends_ms_.load(std::memory_order_relaxed)) return;
  all_.Add(usage);
  if (keys.empty() || !mutex_.TryLock()) return;
  // Who asks next notices the end, with the times of the process.
  if (found_ && !found_->ended && now < found_->ends_ms) {
    const Plan& plan = found_->plan;
    const auto is_meant = [&plan](std::string_view key) { return plan.slots->test(storage::KeySlot(key)); };
    if (!plan.slots || std::any_of(keys.begin(), keys.end(), is_meant)) {
      in_slots_.Add(usage);
      if (requests_++ % plan.ratio == 0) {
        sampled_.Add(usage);
        for (const std::string_view key : keys) {
          if (plan.by_time) found_->by_time.Add(key, usage.nanoseconds / keys.size());
          if (plan.by_bytes) found_->by_bytes.Add(key, usage.bytes / keys.size());
        }
      }
    }
  }
  mutex_.Unlock();
}

}  // namespace ringkv::server
