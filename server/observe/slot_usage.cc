// SPDX-License-Identifier: MIT
#include "server/observe/slot_usage.h"

#include <memory>

namespace ringkv::server {

SlotUsage::All& SlotUsage::Made() {
  All* there = all_.load(std::memory_order_acquire);
  if (there != nullptr) return *there;
  auto made = std::make_unique<All>();
  if (all_.compare_exchange_strong(there, made.get(), std::memory_order_acq_rel)) there = made.release();
  return *there;
}

void SlotUsage::Add(size_t slot, const Sum& usage) {
  Counters& counters = Made()[slot];
  counters.nanoseconds.fetch_add(usage.nanoseconds, std::memory_order_relaxed);
  counters.bytes_in.fetch_add(usage.bytes_in, std::memory_order_relaxed);
  counters.bytes_out.fetch_add(usage.bytes_out, std::memory_order_relaxed);
}

SlotUsage::Sum SlotUsage::Of(size_t slot) const {
  const All* const all = all_.load(std::memory_order_acquire);
  if (all == nullptr) return {};
  const Counters& counters = (*all)[slot];
  return {counters.nanoseconds.load(std::memory_order_relaxed), counters.bytes_in.load(std::memory_order_relaxed),
          counters.bytes_out.load(std::memory_order_relaxed)};
}

void SlotUsage::Reset() {
  All* const all = all_.load(std::memory_order_acquire);
  if (all == nullptr) return;
  for (Counters& counters : *all) {
    counters.nanoseconds.store(0, std::memory_order_relaxed);
    counters.bytes_in.store(0, std::memory_order_relaxed);
    counters.bytes_out.store(0, std::memory_order_relaxed);
  }
}

}  // namespace ringkv::server
