// SPDX-License-Identifier: MIT
#include "server/tracking/tracking.h"

#include <algorithm>

#include "storage/transaction/txn.h"

namespace ringkv::server {

using storage::Invalidation;
using storage::MutexLock;
using storage::TrackerId;

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

Tracking::Tracking(storage::Store& store, ClientLinks& links, size_t threads)
    : store_(store), links_(links), threads_(threads), of_threads_(std::make_unique<OfThread[]>(threads)) {}

// --- who ------------------------------------------------------------------------------------------------------------

void Tracking::Begin(const TrackingMode& mode) {
  MutexLock lock(mutex_);
  live_.insert(mode.self);
  clients_.store(live_.size(), kRelaxed);
  OfThread& of_thread = of_threads_[ThreadOf(mode.self)];
  of_thread.clients.fetch_add(1);
  store_.tracking().is_on = true;
  if (!mode.is_broadcast) return;
  of_thread.broadcasts.fetch_add(1);
  ++broadcasts_;
  store_.tracking().broadcasts = true;
}

void Tracking::End(const TrackingMode& mode) {
  MutexLock lock(mutex_);
  live_.erase(mode.self);
  clients_.store(live_.size(), kRelaxed);
  ++departed_;
  OfThread& of_thread = of_threads_[ThreadOf(mode.self)];
  of_thread.clients.fetch_sub(1);
  if (!mode.is_broadcast) return;
  of_thread.broadcasts.fetch_sub(1);
  store_.tracking().broadcasts = --broadcasts_ > 0;
}

void Tracking::AddPrefix(const std::string& prefix) {
  MutexLock lock(mutex_);
  ++prefixes_[prefix];
}

void Tracking::RemovePrefix(const std::string& prefix) {
  MutexLock lock(mutex_);
  const auto found = prefixes_.find(prefix);
  if (--found->second == 0) prefixes_.erase(found);
}

uint64_t Tracking::CountPrefixes() {
  MutexLock lock(mutex_);
  return prefixes_.size();
}

// --- telling --------------------------------------------------------------------------------------------------------

void Tracking::Tell(const std::shared_ptr<const Invalidation>& invalidation) {
  std::vector<bool> concerned(threads_);
  bool concerns_all = false;
  for (const Invalidation::Item& item : invalidation->items) {
    concerns_all = concerns_all || item.what == Invalidation::What::kEverything;
    for (const TrackerId tracker : item.trackers) concerned[ThreadOf(tracker)] = true;
  }
  for (size_t i = 0; i < threads_; ++i) {
    const bool hears_all = of_threads_[i].broadcasts.load(kRelaxed) > 0;
    const bool is_concerned = concerned[i] || hears_all || (concerns_all && of_threads_[i].clients.load(kRelaxed) > 0);
    if (is_concerned) links_.Invalidate(i, invalidation);
  }
}

// --- room -----------------------------------------------------------------------------------------------------------

void Tracking::MakeRoom(storage::Txn& txn, int64_t most_keys) {
  constexpr int kMostLooks = 1000;
  for (int i = 0; i < kMostLooks && IsFull(most_keys); ++i) {
    const size_t partition = txn.random().Below(storage::kPartitions);
    // Other threads make room, too.
    const uint64_t too_many = std::max(keys(), static_cast<uint64_t>(most_keys)) - static_cast<uint64_t>(most_keys);
    if (!txn.LockPartition(partition, false)) continue;
    txn.InvalidateAny(partition, too_many / storage::kPartitions + 1);
    txn.Unlock();
  }
}

// A sweep begins when more than half as many have gone as there are: so those that nobody keeps any more are few, and
// it costs little for each client.
bool Tracking::BeginsSweep() {
  MutexLock lock(mutex_);
  if (live_.empty() && keys() == 0) store_.tracking().is_on = false;
  if (departed_ <= live_.size() / 2) return false;
  departed_ = 0;
  return true;
}

void Tracking::Tick(storage::Txn& txn) {
  constexpr size_t kPartitionsATick = 32;
  if (!store_.is_tracked()) return;
  if (next_swept_ == storage::kPartitions && BeginsSweep()) next_swept_ = 0;
  for (size_t i = 0; i < kPartitionsATick && next_swept_ < storage::kPartitions; ++i) {
    if (!txn.LockPartition(next_swept_, false)) return;
    {
      // Under the lock of the partition: whoever has read a key of it before has begun before.
      MutexLock lock(mutex_);
      txn.ForgetTrackers(next_swept_, [this](TrackerId tracker) {
        mutex_.AssertHeld();
        return IsGone(tracker);
      });
    }
    txn.Unlock();
    ++next_swept_;
  }
}

}  // namespace ringkv::server
