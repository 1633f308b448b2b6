// SPDX-License-Identifier: MIT
#include "storage/keyspace/segment.h"

#include "storage/check.h"

namespace ringkv::storage {
namespace {

constexpr size_t kItemsLeftBehind = 64;
constexpr size_t kSmallTable = 32;

}  // namespace

Segment::~Segment() {
  for (const Slot& slot : slots_) MutableEntry::Free(slot.entry());
}

size_t Segment::TableBytes() const {
  return sizeof(Segment) + (slots_.bucket_count() + kNeighbours - 1) * BucketAllocator<Slot>::kBucketBytes +
         expiries_.items().capacity() * sizeof(ExpiryQueue::Item);
}

const Slot* Segment::Insert(uint32_t local_position, MutableEntry* entry) {
  const auto [place, is_new] = slots_.insert(Slot(local_position, entry));
  RINGKV_DCHECK(is_new);
  static_cast<void>(is_new);
  if (entry->has_expiry()) {
    ++volatile_keys_;
    QueueExpiry(entry->expiry(), local_position);
  }
  return &*place;
}

MutableEntry* Segment::Remove(const Slot* slot) {
  MutableEntry* entry = slot->entry();
  const uint32_t local_position = slot->local_position();
  if (entry->has_expiry()) --volatile_keys_;
  slots_.erase(Probe{entry->key(), local_position}, SlotHash(depth_).Of(local_position));
  if (slots_.bucket_count() > kSmallTable && slots_.size() * 4 < slots_.bucket_count()) {
    slots_.rehash(BucketsFor(slots_.size() * 2));
  }
  return entry;
}

void Segment::Replace(const Slot* slot, UnixMs old_expiry, MutableEntry* entry) {
  slot->set_entry(entry);
  const UnixMs expiry = entry->expiry();
  if (expiry == old_expiry) return;
  if (old_expiry != kNoExpiry) --volatile_keys_;
  if (expiry == kNoExpiry) return;
  ++volatile_keys_;
  // A later expiry is covered by the item that the earlier one left.
  if (old_expiry == kNoExpiry || expiry < old_expiry) QueueExpiry(expiry, slot->local_position());
}

void Segment::QueueExpiry(UnixMs expiry, uint32_t local_position) {
  if (expiries_.size() >= 2 * size_t{volatile_keys_} + kItemsLeftBehind) {
    RebuildExpiries();
    // The key at hand may stand in the table already, and then it has its item now; one more does no harm.
  }
  expiries_.Add(DueTimeOf(expiry), local_position);
}

void Segment::QueueAgain(uint32_t local_position, DueTime earliest) {
  UnixMs expiry = kNoExpiry;
  slots_.find(EarliestExpiryProbe{local_position, &expiry}, SlotHash(depth_).Of(local_position));
  if (expiry != kNoExpiry) expiries_.Add(std::max(DueTimeOf(expiry), earliest), local_position);
}

void Segment::RebuildExpiries() {
  expiries_.Clear();
  for (const Slot& slot : slots_) {
    if (slot.entry()->has_expiry()) expiries_.Add(DueTimeOf(slot.entry()->expiry()), slot.local_position());
  }
}

void Segment::SplitInto(Segment& low, Segment& high) {
  const uint32_t bit = uint32_t{1} << (31 - depth_);
  for (const Slot& slot : slots_) {
    Segment& target = (slot.local_position() & bit) != 0 ? high : low;
    target.slots_.insert(slot);
  }
  for (const ExpiryQueue::Item& item : expiries_.items()) {
    Segment& target = (item.local_position & bit) != 0 ? high : low;
    target.expiries_.Add(item.due, item.local_position);
  }
  if (volatile_keys_ > 0) {
    // Only a segment that holds expiries pays for a look at its entries.
    for (const Slot& slot : slots_) {
      if (!slot.entry()->has_expiry()) continue;
      ++((slot.local_position() & bit) != 0 ? high : low).volatile_keys_;
    }
  }
  slots_.clear();
}

void Segment::MoveInto(Segment& shallower) {
  for (const Slot& slot : slots_) shallower.slots_.insert(slot);
  for (const ExpiryQueue::Item& item : expiries_.items()) shallower.expiries_.Add(item.due, item.local_position);
  shallower.volatile_keys_ += volatile_keys_;
  slots_.clear();
}

}  // namespace ringkv::storage
