// SPDX-License-Identifier: MIT
#include "storage/table/segment.h"

#include "storage/base/check.h"
#include "storage/edit/mutable_entry.h"

namespace ringkv::storage {
namespace {

constexpr size_t kItemsLeftBehind = 64;
constexpr size_t kSmallTable = 32;

}  // namespace

Segment::~Segment() {
  for (const Cell& cell : cells_) MutableEntry::Free(cell.mutable_entry());
}

size_t Segment::TableBytes() const {
  return sizeof(Segment) + (cells_.bucket_count() + kNeighbours - 1) * BucketAllocator<Cell>::kBucketBytes +
         expiries_.items().capacity() * sizeof(ExpiryQueue::Item);
}

const Cell* Segment::Insert(uint32_t local_position, MutableEntry* entry) {
  const auto [place, is_new] = cells_.insert(Cell(local_position, entry));
  RINGKV_DCHECK(is_new);
  static_cast<void>(is_new);
  if (entry->has_expiry()) {
    ++volatile_keys_;
    QueueExpiry(entry->expiry(), local_position);
  }
  if (entry->has_field_expiry()) {
    CountFieldExpiry(1);
    QueueExpiry(NextFieldExpiry(*entry), local_position);
  }
  return &*place;
}

MutableEntry* Segment::Remove(const Cell* cell) {
  MutableEntry* entry = cell->mutable_entry();
  const uint32_t local_position = cell->local_position();
  if (entry->has_expiry()) --volatile_keys_;
  if (entry->has_field_expiry()) CountFieldExpiry(-1u);
  cells_.erase(Probe{entry->key(), local_position}, CellHash(depth_).Of(local_position));
  if (cells_.bucket_count() > kSmallTable && cells_.size() * 4 < cells_.bucket_count()) {
    cells_.rehash(BucketsFor(cells_.size() * 2));
  }
  return entry;
}

void Segment::Replace(const Cell* cell, const Expiries& before, MutableEntry* entry) {
  // What stays as it is isn't written: neighbouring cells, and the segment, are in other cores' caches too.
  if (cell->entry() != entry) cell->set_entry(entry);
  const Expiries now = ExpiriesOf(*entry);
  if (now == before) return;
  if ((now.key != kNoExpiry) != (before.key != kNoExpiry)) volatile_keys_ += now.key != kNoExpiry ? 1 : -1u;
  if ((now.fields != kNoExpiry) != (before.fields != kNoExpiry)) {
    CountFieldExpiry(now.fields != kNoExpiry ? 1 : -1u);
  }
  QueueIfEarlier(before.key, now.key, cell->local_position());
  QueueIfEarlier(before.fields, now.fields, cell->local_position());
}

// A later expiry is covered by the item that the earlier one left.
void Segment::QueueIfEarlier(UnixMs before, UnixMs now, uint32_t local_position) {
  if (now != kNoExpiry && (before == kNoExpiry || now < before)) QueueExpiry(now, local_position);
}

size_t Segment::Pick(Random& random, size_t most, bool volatile_only, const Cell** found) const {
  constexpr size_t kFew = 16;
  if ((volatile_only ? volatile_keys_ : cells_.size()) == 0) return 0;
  if (volatile_only && volatile_keys_ * 2 < cells_.size()) return PickQueued(random, most, found);
  size_t picked = 0;
  if (most > 1) {
    picked = PickScattered(random, most, volatile_only, found);
  } else if (cells_.size() > kFew && !volatile_only) {
    picked = PickOne(random, found);
  }
  return picked > 0 ? picked : PickByCounting(random, volatile_only, found);
}

size_t Segment::PickQueued(Random& random, size_t most, const Cell** found) const {
  const std::vector<ExpiryQueue::Item>& items = expiries_.items();
  size_t picked = 0;
  size_t at = random.Below(items.size());
  for (size_t looked_at = 0; looked_at < items.size() && picked < most; ++looked_at) {
    const auto pick = [&](const Cell& cell) {
      if (picked < most && cell.entry()->has_expiry()) found[picked++] = &cell;
    };
    VisitAt(items[at].local_position, pick);
    at = at + 1 < items.size() ? at + 1 : 0;
  }
  return picked;
}

// A bucket and a number below a bound are drawn until there is such a key in that bucket, so that each key has the same
// chance. More keys than the bound hardly ever belong into one bucket.
size_t Segment::PickOne(Random& random, const Cell** found) const {
  constexpr uint64_t kMostInBucket = 8;
  constexpr int kTries = 512;
  size_t picked = 0;
  for (int i = 0; i < kTries && picked == 0; ++i) {
    const uint64_t drawn = random.Next();
    uint64_t skipped = drawn % kMostInBucket;
    const auto pick = [&](const Cell& cell) {
      if (skipped-- > 0) return false;
      found[picked++] = &cell;
      return true;
    };
    VisitBucket(drawn >> 32, pick);
  }
  return picked;
}

// Buckets that are spread over the table, from a random one on, and then their neighbours. Keys of neighbouring buckets
// alone would leave a hole when they are evicted, and the rest of the table too full for its size.
size_t Segment::PickScattered(Random& random, size_t most, bool volatile_only, const Cell** found) const {
  constexpr size_t kSmall = 64;  // buckets: all are looked at one after the other
  const size_t buckets = cells_.bucket_count();
  const unsigned spread = buckets < kSmall ? 1 : 16;
  size_t picked = 0;
  const auto pick = [&](const Cell& cell) {
    if (volatile_only && !cell.entry()->has_expiry()) return false;
    __builtin_prefetch(cell.entry());  // they are looked at next, one after the other
    found[picked++] = &cell;
    return picked == most;
  };
  // As hashes, of which each bucket has an equal part. No bucket comes twice.
  constexpr uint64_t kHashes = uint64_t{1} << 32;
  const auto bucket_of_round = [&, start = random.Below(kHashes)](size_t round, unsigned i) {
    return (start + round * (kHashes / buckets + 1) + i * (kHashes / spread)) % kHashes;
  };
  for (size_t round = 0; round < buckets / spread && picked < most; ++round) {
    for (unsigned i = 0; i < spread; ++i) __builtin_prefetch(BucketOf(bucket_of_round(round, i)));
    for (unsigned i = 0; i < spread && picked < most; ++i) VisitBucket(bucket_of_round(round, i), pick);
  }
  return picked;
}

size_t Segment::PickByCounting(Random& random, bool volatile_only, const Cell** found) const {
  size_t seen = 0;
  for (const Cell& cell : cells_) {
    if (volatile_only && !cell.entry()->has_expiry()) continue;
    if (random.Below(++seen) == 0) found[0] = &cell;
  }
  return seen > 0 ? 1 : 0;
}

void Segment::QueueExpiry(UnixMs expiry, uint32_t local_position) {
  if (expiries_.size() >= 2 * (size_t{volatile_keys_} + field_expiry_keys_) + kItemsLeftBehind) {
    RebuildExpiries();
    // The key at hand may stand in the table already, and then it has its item now; one more does no harm.
  }
  expiries_.Add(DueTimeOf(expiry), local_position);
}

void Segment::QueueAgain(uint32_t local_position, DueTime earliest) {
  UnixMs expiry = kNoExpiry;
  cells_.find(EarliestExpiryProbe{local_position, &expiry}, CellHash(depth_).Of(local_position));
  if (expiry != kNoExpiry) expiries_.Add(std::max(DueTimeOf(expiry), earliest), local_position);
}

void Segment::RebuildExpiries() {
  expiries_.Clear();
  for (const Cell& cell : cells_) {
    const Expiries expiries = ExpiriesOf(*cell.entry());
    if (expiries.key != kNoExpiry) expiries_.Add(DueTimeOf(expiries.key), cell.local_position());
    if (expiries.fields != kNoExpiry) expiries_.Add(DueTimeOf(expiries.fields), cell.local_position());
  }
}

void Segment::SplitInto(Segment& low, Segment& high) {
  const uint32_t bit = uint32_t{1} << (31 - depth_);
  for (const Cell& cell : cells_) {
    Segment& target = (cell.local_position() & bit) != 0 ? high : low;
    target.cells_.insert(cell);
  }
  for (const ExpiryQueue::Item& item : expiries_.items()) {
    Segment& target = (item.local_position & bit) != 0 ? high : low;
    target.expiries_.Add(item.due, item.local_position);
  }
  if (volatile_keys_ + field_expiry_keys_ > 0) {
    // Only a segment that holds expiries pays for a look at its entries.
    for (const Cell& cell : cells_) {
      Segment& target = (cell.local_position() & bit) != 0 ? high : low;
      if (cell.entry()->has_expiry()) ++target.volatile_keys_;
      if (cell.entry()->has_field_expiry()) target.CountFieldExpiry(1);
    }
  }
  cells_.clear();
}

void Segment::MoveInto(Segment& shallower) {
  for (const Cell& cell : cells_) shallower.cells_.insert(cell);
  for (const ExpiryQueue::Item& item : expiries_.items()) shallower.expiries_.Add(item.due, item.local_position);
  shallower.volatile_keys_ += volatile_keys_;
  shallower.CountFieldExpiry(field_expiry_keys_);
  cells_.clear();
}

}  // namespace ringkv::storage
