// SPDX-License-Identifier: MIT
// Changes of what clients keep copies of, which they are told when the locks are free.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/keyspace/tracking_table.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

void Txn::Remember(std::string_view key, TrackerId tracker) {
  const Position position = PositionOf(key, store_.placement());
  RINGKV_CHECK(IsLocked(position.partition()));
  Partition& partition = store_.partition(position.partition());
  partition.mutex.AssertHeld();
  if (partition.tracking == nullptr) {
    const SeededHash hash(store_.placement().seed + position.partition() + 1);
    partition.tracking = std::make_unique<TrackingTable>(store_.tracking(), hash);
  }
  partition.tracking->Remember(key, tracker);
}

Invalidation& Txn::invalidation() {
  if (invalidation_ == nullptr) invalidation_ = std::make_unique<Invalidation>();
  return *invalidation_;
}

void Txn::Invalidate(std::string_view key, KeyChange change) {
  constexpr size_t kMostUnread = 64 * 1024;  // then it costs less to say that everything has changed
  // As with WATCH, what a stream keeps beside its entries is no change.
  if (change != KeyChange::kValue && change != KeyChange::kStreamEntriesGone) return;
  const Known* const known = NextKnown(key);
  const Position position = known != nullptr ? known->position : PositionOf(key, store_.placement());
  Partition& partition = store_.partition(position.partition());
  partition.mutex.AssertHeld();
  std::vector<TrackerId> trackers;
  if (partition.tracking != nullptr) trackers = partition.tracking->Take(key);
  if (trackers.empty()) {
    if (!store_.tracking().broadcasts.load(std::memory_order_relaxed)) return;
    if (invalidation().items.size() >= kMostUnread) invalidation().ends_broadcasts = true;
    if (invalidation().ends_broadcasts) return;
  }
  invalidation().items.push_back({.key = std::string(key), .trackers = std::move(trackers), .author = author_});
}

void Txn::InvalidateAll() {
  std::vector<std::unique_ptr<TrackingTable>> dropped;
  for (size_t i = 0; i < kPartitions; ++i) {
    Partition& partition = store_.partition(i);
    partition.mutex.AssertHeld();
    if (partition.tracking == nullptr) continue;
    partition.tracking->Uncount();
    dropped.push_back(std::move(partition.tracking));
  }
  store_.reclaimer().Free(std::move(dropped));
  std::vector<Invalidation::Item>& items = invalidation().items;
  const bool is_said = !items.empty() && items.back().what == Invalidation::What::kEverything;
  if (!is_said) items.push_back({.what = Invalidation::What::kEverything});
}

void Txn::InvalidateSlots(Partition& partition, uint64_t slots) {
  if (slots == 0) return;
  partition.mutex.AssertHeld();
  invalidation().ends_broadcasts = true;
  if (partition.tracking == nullptr) return;
  const auto leaves = [&](std::string_view key) {
    return (slots >> (PositionOf(key, store_.placement()).local() >> kHashBitsBehindSlot) & 1) != 0;
  };
  for (Invalidation::Item& item : partition.tracking->TakeThose(leaves)) {
    invalidation().items.push_back(std::move(item));
  }
}

size_t Txn::InvalidateAny(size_t index, size_t most) {
  Partition& partition = store_.partition(index);
  partition.mutex.AssertHeld();
  size_t keys = 0;
  for (; keys < most && partition.tracking != nullptr && !partition.tracking->empty(); ++keys) {
    invalidation().items.push_back(partition.tracking->TakeAny(random_));
  }
  return keys;
}

void Txn::ForgetTrackers(size_t index, const std::function<bool(TrackerId tracker)>& is_gone) {
  Partition& partition = store_.partition(index);
  partition.mutex.AssertHeld();
  if (partition.tracking == nullptr) return;
  partition.tracking->Forget(is_gone);
  if (partition.tracking->empty()) partition.tracking.reset();
}

void Txn::TellInvalidation() {
  std::shared_ptr<const Invalidation> told = std::move(invalidation_);
  if (store_.observer() != nullptr) store_.observer()->Invalidated(std::move(told));
}

}  // namespace ringkv::storage
