// SPDX-License-Identifier: MIT
#include "storage/keyspace/tracking_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ringkv::storage {

void TrackingTable::Count(size_t keys, size_t items, bool more) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  if (more) {
    items_ += items;
    totals_.keys.fetch_add(keys, kRelaxed);
    totals_.items.fetch_add(items, kRelaxed);
  } else {
    items_ -= items;
    totals_.keys.fetch_sub(keys, kRelaxed);
    totals_.items.fetch_sub(items, kRelaxed);
  }
}

void TrackingTable::Uncount() {
  if (std::exchange(is_counted_, false)) Count(trackers_.size(), items_, false);
}

void TrackingTable::Remember(std::string_view key, TrackerId tracker) {
  auto found = trackers_.find(key);
  const bool is_new = found == trackers_.end();
  if (is_new) found = trackers_.emplace(std::string(key), std::vector<TrackerId>()).first;
  std::vector<TrackerId>& trackers = found->second;
  const auto place = std::lower_bound(trackers.begin(), trackers.end(), tracker);
  if (place != trackers.end() && *place == tracker) return;
  trackers.insert(place, tracker);
  Count(is_new ? 1 : 0, 1, true);
}

Invalidation::Item TrackingTable::Extract(Trackers::iterator found) {
  Count(1, found->second.size(), false);
  auto node = trackers_.extract(found);
  return {.key = std::move(node.key()), .trackers = std::move(node.mapped())};
}

std::vector<TrackerId> TrackingTable::Take(std::string_view key) {
  const auto found = trackers_.find(key);
  if (found == trackers_.end()) return {};
  std::vector<TrackerId> trackers = std::move(found->second);
  Count(1, trackers.size(), false);
  trackers_.erase(found);
  return trackers;
}

// Fair but for neighbours of empty buckets, and quick as long as the table is not sparse.
Invalidation::Item TrackingTable::TakeAny(Random& random) {
  ShrinkIfSparse();
  const size_t buckets = trackers_.bucket_count();
  size_t bucket = random.Below(buckets);
  while (trackers_.bucket_size(bucket) == 0) bucket = (bucket + 1) % buckets;
  return Extract(trackers_.find(trackers_.begin(bucket)->first));
}

void TrackingTable::ShrinkIfSparse() {
  constexpr size_t kSparse = 8;  // buckets for a key
  if (trackers_.bucket_count() > kSparse * (trackers_.size() + kSparse)) trackers_.rehash(0);
}

std::vector<Invalidation::Item> TrackingTable::TakeThose(const std::function<bool(std::string_view key)>& leaves) {
  std::vector<Invalidation::Item> taken;
  for (auto each = trackers_.begin(); each != trackers_.end();) {
    const auto next = std::next(each);
    if (leaves(each->first)) taken.push_back(Extract(each));
    each = next;
  }
  return taken;
}

void TrackingTable::Forget(const std::function<bool(TrackerId tracker)>& is_gone) {
  for (auto each = trackers_.begin(); each != trackers_.end();) {
    std::vector<TrackerId>& trackers = each->second;
    Count(0, std::erase_if(trackers, is_gone), false);
    if (!trackers.empty()) {
      ++each;
      continue;
    }
    each = trackers_.erase(each);
    Count(1, 0, false);
  }
  ShrinkIfSparse();
}

}  // namespace ringkv::storage
