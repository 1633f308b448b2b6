// SPDX-License-Identifier: MIT
#include "storage/txn.h"

#include <algorithm>
#include <bit>

#include "storage/check.h"
#include "storage/effect_codec.h"
#include "storage/types/collection.h"
#include "storage/types/hash.h"
#include "storage/types/list.h"
#include "storage/types/set.h"
#include "storage/types/sorted_set.h"
#include "storage/types/stream.h"

namespace ringkv::storage {
// --- locking --------------------------------------------------------------------------------------------------------

// A placement changes under the locks of all partitions: who has computed a position before and locked after that looks
// again.
void Txn::LockKey(std::string_view key) {
  for (;;) {
    const Placement placement = store_.placement();
    LockPosition(key, PositionOf(key, placement));
    if (placement == store_.placement()) return;
    Unlock();
  }
}

void Txn::LockKey(std::string_view key, Position position) {
  LockPosition(key, position);
  if (prefetched_ == store_.placement()) return;
  Unlock();
  LockKey(key);
}

void Txn::LockPosition(std::string_view key, Position position) NO_THREAD_SAFETY_ANALYSIS {
  RINGKV_DCHECK(!any_locked_);
  known_ = {key, position};
  const size_t partition = known_.position.partition();
  locked_[partition / 64] |= uint64_t{1} << (partition % 64);
  any_locked_ = true;
  store_.partition(partition).mutex.Lock();
  NoteRecording();
}

void Txn::AddKey(std::string_view key) { many_known_.push_back({key, {}}); }

void Txn::LockAdded() NO_THREAD_SAFETY_ANALYSIS {
  RINGKV_DCHECK(!any_locked_);
  any_locked_ = true;
  for (;;) {
    const Placement placement = store_.placement();
    for (Known& known : many_known_) {
      known.position = PositionOf(known.key, placement);
      const size_t partition = known.position.partition();
      locked_[partition / 64] |= uint64_t{1} << (partition % 64);
    }
    ForEachLocked([](Partition& partition) NO_THREAD_SAFETY_ANALYSIS { partition.mutex.Lock(); });
    if (placement == store_.placement()) break;
    ForEachLocked([](Partition& partition) NO_THREAD_SAFETY_ANALYSIS { partition.mutex.Unlock(); });
    if (!holds_all_) locked_.fill(0);
  }
  NoteRecording();
}

void Txn::LockAll() {
  locked_.fill(~uint64_t{0});
  holds_all_ = true;
  LockAdded();
}

// Recording must be known under the lock: whoever switched it on has had this lock since, or not looked here yet.
void Txn::CommitIn(Partition& partition) NO_THREAD_SAFETY_ANALYSIS {
  if (!records_.empty()) {
    partition.last_lsn = store_.log().Append(records_);
    records_.clear();
  }
  depends_on_ = std::max(depends_on_, partition.last_lsn);
}

void Txn::Commit() NO_THREAD_SAFETY_ANALYSIS {
  constexpr size_t kKept = 64 * 1024;
  const Lsn lsn = records_.empty() ? 0 : store_.log().Append(records_);
  ForEachLocked([&](Partition& partition) NO_THREAD_SAFETY_ANALYSIS {
    partition.last_lsn = std::max(partition.last_lsn, lsn);
    depends_on_ = std::max(depends_on_, partition.last_lsn);
    partition.mutex.Unlock();
  });
  records_.clear();
  if (records_.capacity() > kKept) records_.shrink_to_fit();
}

void Txn::Unlock() {
  if (!any_locked_) return;
  Commit();
  locked_.fill(0);
  any_locked_ = false;
  holds_all_ = false;
  known_.key = {};
  many_known_.clear();
  next_known_ = 0;
  if (must_tell_) TellUnlocked();
}

void Txn::TellUnlocked() {
  must_tell_ = false;
  store_.observer()->Unlocked(*this);
}

Position Txn::PositionOfKey(std::string_view key) {
  if (known_.key.data() == key.data()) return known_.position;
  // Handlers mostly find their keys in the order in which the row names them.
  if (!many_known_.empty()) {
    if (next_known_ >= many_known_.size()) next_known_ = 0;
    const Known& next = many_known_[next_known_];
    if (next.key.data() == key.data()) {
      ++next_known_;
      return next.position;
    }
  }
  return PositionOf(key, store_.placement());
}

Position Txn::PrefetchBucket(DbIndex db, std::string_view key) {
  prefetched_ = store_.placement();
  const Position position = PositionOf(key, prefetched_);
  Partition& partition = store_.partition(position.partition());
  MutexLock lock(partition.mutex);
  if (const Table* table = partition.tables[db].get()) {
    const char* bucket = table->SegmentFor(position.local())->BucketAddress(position.local());
    __builtin_prefetch(bucket);
    __builtin_prefetch(bucket + 4 * BucketAllocator<Slot>::kBucketBytes);  // most keys stand within the next few
  }
  return position;
}

void Txn::PrefetchEntry(DbIndex db, Position position) {
  Partition& partition = store_.partition(position.partition());
  MutexLock lock(partition.mutex);
  if (const Table* table = partition.tables[db].get()) {
    const char* entry = table->SegmentFor(position.local())->EntryAddress(position.local());
    if (entry == nullptr) return;
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + 64);
  }
}

// --- one key --------------------------------------------------------------------------------------------------------

Place Txn::Find(DbIndex db, std::string_view key, Intent intent) NO_THREAD_SAFETY_ANALYSIS {
  const Position position = PositionOfKey(key);
  RINGKV_CHECK(IsLocked(position.partition()));
  Partition& partition = store_.partition(position.partition());
  Place place(db, key, Place::Location{.partition = &partition, .local_position = position.local()});
  if (const Table* table = partition.tables[db].get()) {
    Segment* segment = table->SegmentFor(position.local());
    place = Located(place, segment, segment->Find(key, position.local()), table);
  }
  if (place && IsExpired(place.entry())) {
    if (store_.authority() == Authority::kFollower) {
      place = Located(place, nullptr, nullptr, nullptr);
    } else {
      Do(place, Erase{EraseReason::kExpired});
    }
  }
  if (intent == Intent::kRead || intent == Intent::kPeek) {
    ++(place ? partition.statistics.hits : partition.statistics.misses);
    if (!place) Tell(place, kKeyMissed);
    if (!store_.prefixes().empty()) {
      store_.prefixes().ForEachOf(key, [&](size_t index) NO_THREAD_SAFETY_ANALYSIS {
        ++partition.prefix_uses[index].reads;
        if (!place) ++partition.prefix_uses[index].misses;
      });
    }
  }
  if (place && (intent == Intent::kRead || intent == Intent::kWrite) && !no_touch) {
    MutableEntry* entry = place.location().slot->entry();
    const uint32_t access = NextAccess(entry->access(), store_.access_options(), now_, random_);
    if (access != entry->access()) entry->set_access(access);
  }
  return place;
}

void Txn::Announce(const Place& place, const KeyEvent& event, KeyChange change) NO_THREAD_SAFETY_ANALYSIS {
  Partition& partition = *place.location().partition;
  ++partition.changes;
  if (!store_.prefixes().empty()) {
    store_.prefixes().ForEachOf(place.key(),
                                [&](size_t index) NO_THREAD_SAFETY_ANALYSIS { ++partition.prefix_uses[index].writes; });
  }
  KeyObserver* observer = store_.observer();
  if (observer != nullptr && observer->Changed(place.db(), place.key(), change)) must_tell_ = true;
  Tell(place, event);
}

void Txn::Tell(const Place& place, const KeyEvent& event) {
  KeyObserver* observer = store_.observer();
  if (observer == nullptr || !observer->wants_events() || event.name.empty()) return;
  if (events_ != nullptr) return events_->Add(place.db(), place.key(), event);
  observer->Happened(place.db(), place.key(), event);
}

// Only who counts bytes by prefix asks.
size_t Txn::OldSize(const Entry& entry) const { return store_.prefixes().empty() ? 0 : entry.MemorySize(); }

void Txn::NoteOldSize(const Place& place, size_t bytes) {
  if (store_.prefixes().empty()) return;
  const size_t now = place.location().slot->entry()->MemorySize();
  TableFor(place).NoteGrowth(place.key(), static_cast<int64_t>(now) - static_cast<int64_t>(bytes));
}

template <typename Effect>
void Txn::Record(const Place& place, const Effect& effect) {
  if (MustRecord()) EncodeEffect(&records_, place.db(), place.key(), effect);
}

Table& Txn::TableFor(const Place& place) NO_THREAD_SAFETY_ANALYSIS {
  return place.location().partition->TableOf(place.db());
}

Place Txn::Located(const Place& place, Segment* segment, const Slot* slot, const Table* table) {
  Place::Location at = place.location();
  at.segment = segment;
  at.slot = slot;
  at.entry = slot == nullptr ? nullptr : slot->entry();
  at.table_version = table == nullptr ? 0 : table->version();
  return Place(place.db(), place.key(), at);
}

Place Txn::Fresh(const Place& place) {
  const Place::Location& at = place.location();
  const Table& table = TableFor(place);
  if (!place || at.table_version == table.version()) return place;
  Segment* segment = table.SegmentFor(at.local_position);
  const Slot* slot = segment->Find(place.key(), at.local_position);
  RINGKV_CHECK(slot != nullptr);
  return Located(place, segment, slot, &table);
}

Place Txn::Put(const Place& place, MutableEntry* entry) NO_THREAD_SAFETY_ANALYSIS {
  Table& table = TableFor(place);
  const Table::Inserted inserted = table.Insert(place.location().local_position, entry);
  place.location().partition->NoteOccupancy(place.db());
  Tell(place, kKeyMade);
  return Located(place, inserted.segment, inserted.slot, &table);
}

MutableEntry* Txn::Take(Place& place) NO_THREAD_SAFETY_ANALYSIS {
  place = Fresh(place);
  Table& table = TableFor(place);
  MutableEntry* entry = table.Remove(place.location().segment, place.location().slot);
  place.location().partition->NoteOccupancy(place.db());
  place = Located(place, nullptr, nullptr, &table);
  return entry;
}

void Txn::Swap(Place& place, UnixMs old_expiry, MutableEntry* entry) NO_THREAD_SAFETY_ANALYSIS {
  Table& table = TableFor(place);
  table.Replace(place.location().segment, place.location().slot, old_expiry, entry);
  if (entry->expiry() != old_expiry) place.location().partition->NoteOccupancy(place.db());
  place = Located(place, place.location().segment, place.location().slot, &table);
}

void Txn::Do(Place& place, const StringPut& effect, const KeyEvent& event) {
  Record(place, effect);
  if (!place) {
    place = Put(place, MutableEntry::Create(place.key(), effect.value, effect.expiry, effect.form,
                                            FirstAccess(store_.access_options(), now_)));
  } else {
    place = Fresh(place);
    MutableEntry* entry = place.location().slot->entry();
    const UnixMs old_expiry = entry->expiry();
    const size_t old_size = OldSize(*entry);
    MutableEntry* left_over = nullptr;
    MutableEntry* now_there = entry->WithValue(effect.value, effect.expiry, effect.form, &left_over);
    if (now_there != entry || effect.expiry != old_expiry) Swap(place, old_expiry, now_there);
    NoteOldSize(place, old_size);
    if (left_over != nullptr) store_.reclaimer().Free(left_over);
  }
  Announce(place, event);
}

void Txn::FreeEntry(MutableEntry* entry) {
  if (entry->IsLong()) {
    store_.reclaimer().Free(entry);
  } else {
    MutableEntry::Free(entry);
  }
}

void Txn::Overwrite(Place& place, MutableEntry* entry) {
  if (!place) {
    place = Put(place, entry);
    return;
  }
  place = Fresh(place);
  MutableEntry* old = place.location().slot->entry();
  const UnixMs old_expiry = old->expiry();
  const size_t old_size = OldSize(*old);
  Swap(place, old_expiry, entry);
  NoteOldSize(place, old_size);
  FreeEntry(old);
}

void Txn::MakeString(Place& place, size_t bytes, bool reads_old, const StringMaker& make) {
  place = Fresh(place);
  const bool fits = place && !reads_old && place.entry().type() == ValueType::kString && !place.entry().has_expiry() &&
                    place.value().size() == bytes;
  if (fits) {
    MutableEntry* entry = place.location().slot->entry();
    make(entry->mutable_value());
    entry->set_kind(StringForm::kPatched);
  } else {
    const uint32_t access = place ? place.entry().access() : FirstAccess(store_.access_options(), now_);
    MutableEntry* entry =
        MutableEntry::CreateUninitialised(place.key(), bytes, kNoExpiry, StringForm::kPatched, access);
    make(entry->mutable_value());
    Overwrite(place, entry);
  }
  RecordValue(place);
  Announce(place, EventOf(StringPut{}));
}

void Txn::Do(Place& place, const CollectionPut& effect, const KeyEvent& event) {
  Record(place, effect);
  const uint32_t access = place ? place.entry().access() : FirstAccess(store_.access_options(), now_);
  Overwrite(place, MakeCollection(place.key(), effect, store_.type_limits(), access));
  Announce(place, event);
}

template <CollectionEffect Effect>
Outcome Txn::Do(Place& place, const Effect& effect, const KeyEvent& event) {
  const size_t recorded = records_.size();
  Record(place, effect);
  const bool is_new = !place;
  if (is_new) {
    place =
        Put(place, MutableEntry::Create(place.key(), kEmptyPacked, kNoExpiry, {Effect::kType, CollectionForm::kPacked},
                                        FirstAccess(store_.access_options(), now_)));
  }
  place = Fresh(place);
  RINGKV_CHECK(place.entry().type() == Effect::kType);
  MutableEntry* entry = place.location().slot->entry();
  const size_t old_size = OldSize(*entry);
  ValueEdit edit(entry, store_.type_limits());
  const Outcome outcome = Apply(edit, effect);
  if (edit.entry() != entry) Swap(place, edit.entry()->expiry(), edit.entry());
  const bool stays = !kMayEmpty<Effect> || MayStand(place.entry());
  if (stays) {
    NoteOldSize(place, old_size);
  } else {
    FreeEntry(Take(place));
  }
  if (outcome == Outcome::kUnchanged) {
    records_.resize(recorded);
  } else {
    Announce(place, event, kChangesOnlyStreamState<Effect> && !is_new ? KeyChange::kStreamState : KeyChange::kValue);
    if (!stays) Tell(place, kKeyGone);
  }
  return outcome;
}
template Outcome Txn::Do(Place&, const HashPut&, const KeyEvent&);
template Outcome Txn::Do(Place&, const HashErase&, const KeyEvent&);
template Outcome Txn::Do(Place&, const ListPush&, const KeyEvent&);
template Outcome Txn::Do(Place&, const ListInsert&, const KeyEvent&);
template Outcome Txn::Do(Place&, const ListTake&, const KeyEvent&);
template Outcome Txn::Do(Place&, const ListSet&, const KeyEvent&);
template Outcome Txn::Do(Place&, const ListRemove&, const KeyEvent&);
template Outcome Txn::Do(Place&, const SetAdd&, const KeyEvent&);
template Outcome Txn::Do(Place&, const SetErase&, const KeyEvent&);
template Outcome Txn::Do(Place&, const SortedSetPut&, const KeyEvent&);
template Outcome Txn::Do(Place&, const SortedSetErase&, const KeyEvent&);
template Outcome Txn::Do(Place&, const StreamAppend&, const KeyEvent&);
template Outcome Txn::Do(Place&, const StreamErase&, const KeyEvent&);
template Outcome Txn::Do(Place&, const StreamTrim&, const KeyEvent&);
template Outcome Txn::Do(Place&, const StreamSetIds&, const KeyEvent&);
template Outcome Txn::Do(Place&, const StreamGroupPut&, const KeyEvent&);
template Outcome Txn::Do(Place&, const StreamGroupErase&, const KeyEvent&);
template Outcome Txn::Do(Place&, const StreamConsumerPut&, const KeyEvent&);
template Outcome Txn::Do(Place&, const StreamConsumerErase&, const KeyEvent&);
template Outcome Txn::Do(Place&, const StreamPend&, const KeyEvent&);
template Outcome Txn::Do(Place&, const StreamAcknowledge&, const KeyEvent&);

void Txn::NoteConsumerSeen(const Place& place, std::string_view group, std::string_view consumer) {
  MutableEntry* entry = Fresh(place).location().slot->entry();
  static_cast<Stream&>(entry->large()).ChangeGroup(group, [&](StreamGroup& in) { in.PutConsumer(consumer, now_); });
}

void Txn::NotePatched(Place& place) {
  place = Fresh(place);
  place.location().slot->entry()->set_kind(StringForm::kPatched);
}

void Txn::SetAccess(Place& place, uint32_t access) {
  place = Fresh(place);
  place.location().slot->entry()->set_access(access);
}

void Txn::Do(Place& place, const StringPatch& effect, const KeyEvent& event) {
  Record(place, effect);
  if (!place) {
    place = Put(place, MutableEntry::Create(place.key(), {}, kNoExpiry, StringForm::kPatched,
                                            FirstAccess(store_.access_options(), now_)));
  }
  place = Fresh(place);
  MutableEntry* entry = place.location().slot->entry();
  const size_t old_size = OldSize(*entry);
  MutableEntry* now_there = entry->WithBytesAt(effect.offset, effect.bytes);
  if (now_there != entry) Swap(place, now_there->expiry(), now_there);
  NoteOldSize(place, old_size);
  Announce(place, event);
}

void Txn::Do(Place& place, const ExpirySet& effect, const KeyEvent& event) {
  Record(place, effect);
  RINGKV_CHECK(place);
  place = Fresh(place);
  MutableEntry* entry = place.location().slot->entry();
  const UnixMs old_expiry = entry->expiry();
  const size_t old_size = OldSize(*entry);
  Swap(place, old_expiry, entry->WithExpiry(effect.expiry));
  NoteOldSize(place, old_size);
  Announce(place, event);
}

void Txn::Do(Place& place, const Erase& effect, const KeyEvent& event) NO_THREAD_SAFETY_ANALYSIS {
  Record(place, effect);
  RINGKV_CHECK(place);
  MutableEntry* entry = Take(place);
  KeyStatistics& statistics = place.location().partition->statistics;
  if (effect.reason == EraseReason::kExpired) ++statistics.expired;
  if (effect.reason == EraseReason::kEvicted) ++statistics.evicted;
  Announce(place, event);
  FreeEntry(entry);
}

void Txn::RecordValue(const Place& place) {
  if (!MustRecord()) return;
  const Entry& entry = place.entry();
  if (entry.type() == ValueType::kString) return Record(place, StringPut{entry.value(), entry.expiry(), entry.form()});
  std::string packed;
  Record(place, CollectionPut{PackedKind(entry), PackedValue(entry, &packed), entry.expiry()});
}

void Txn::PutCopy(Place& place, const ValueCopy& copy, const KeyEvent& event) {
  if (copy.kind.type() == ValueType::kString) {
    Do(place, StringPut{copy.packed, copy.expiry, copy.kind.string_form()}, event);
  } else {
    Do(place, CollectionPut{copy.kind, copy.packed, copy.expiry}, event);
  }
}

void Txn::Rename(Place& from, DbIndex to_db, std::string_view to_key, const RenameEvents& events) {
  RINGKV_CHECK(from);
  MutableEntry* entry = Take(from);
  Record(from, Erase{});
  Place to = Find(to_db, to_key, Intent::kCheck);
  if (to) Do(to, Erase{}, kNoEvent);
  if (!entry->KeyEquals(to_key)) entry = entry->WithKey(to_key);
  to = Put(to, entry);
  // The value itself, not where it came from: a snapshot may hold the one place before and the other after this.
  RecordValue(to);
  Announce(from, events.from);
  Announce(to, events.to);
}

// --- whole databases ------------------------------------------------------------------------------------------------

void Txn::FlushDatabase(DbIndex db) NO_THREAD_SAFETY_ANALYSIS {
  RINGKV_CHECK(holds_all_);
  if (store_.occupancy().IsUsed(db)) DropTables(db);
  store_.NoteFlush();
  if (MustRecord()) EncodeEffect(&records_, db, DatabaseFlush{});
}

void Txn::DropTables(DbIndex db) NO_THREAD_SAFETY_ANALYSIS {
  if (store_.observer() != nullptr) {
    const auto is_touched = [&](std::string_view key) { return Stands(db, key); };
    if (store_.observer()->Replacing(db, is_touched)) must_tell_ = true;
  }
  const uint64_t all_keys = CountKeys();
  const uint64_t bytes_a_key = all_keys > 0 ? UsedMemory() / all_keys : 0;
  std::vector<std::unique_ptr<Table>> removed;
  for (size_t i = 0; i < kPartitions; ++i) {
    Partition& partition = store_.partition(i);
    if (partition.tables[db] == nullptr) continue;
    partition.changes += partition.tables[db]->keys();
    removed.push_back(std::move(partition.tables[db]));
    partition.NoteOccupancy(db);
  }
  store_.NoteUnused(db);
  store_.reclaimer().Free(std::move(removed), bytes_a_key);
}

void Txn::SwapDatabases(DbIndex a, DbIndex b) NO_THREAD_SAFETY_ANALYSIS {
  RINGKV_CHECK(holds_all_);
  if (store_.observer() != nullptr) {
    const auto is_touched = [&](std::string_view key) { return Stands(a, key) || Stands(b, key); };
    for (const DbIndex db : {a, b}) {
      if (store_.observer()->Replacing(db, is_touched)) must_tell_ = true;
    }
  }
  for (size_t i = 0; i < kPartitions; ++i) {
    Partition& partition = store_.partition(i);
    std::swap(partition.tables[a], partition.tables[b]);
    partition.NoteOccupancy(a);
    partition.NoteOccupancy(b);
  }
  ++store_.partition(0).changes;
  if (MustRecord()) EncodeEffect(&records_, a, DatabaseSwap{b});
}

void Txn::SetForeignSlots(const std::bitset<kSlots>& slots) NO_THREAD_SAFETY_ANALYSIS {
  RINGKV_CHECK(holds_all_);
  for (size_t i = 0; i < kPartitions; ++i) {
    uint64_t bits = 0;
    for (size_t j = 0; j < kSlotsInPartition; ++j) bits |= uint64_t{slots[i * kSlotsInPartition + j]} << j;
    store_.partition(i).foreign_slots = bits;
  }
}

void Txn::Replace(uint64_t seed) NO_THREAD_SAFETY_ANALYSIS {
  RINGKV_CHECK(holds_all_);
  is_recording_ = false;
  for (DbIndex db = 0; db < store_.databases(); ++db) FlushDatabase(db);
  // Numbers of the old data set's groups mean nothing in the new one.
  for (size_t i = 0; i < kPartitions; ++i) store_.partition(i).last_lsn = 0;
  store_.Reseed(seed);
}

void Txn::RecordGroup(std::string_view effects) {
  RINGKV_CHECK(any_locked_ && records_.empty());
  stands_for_group_ = store_.log().is_recording();
  if (stands_for_group_) records_ = effects;
}

bool Txn::Stands(DbIndex db, std::string_view key) NO_THREAD_SAFETY_ANALYSIS {
  const Position position = PositionOf(key, store_.placement());
  const Table* table = store_.partition(position.partition()).tables[db].get();
  return table != nullptr && table->SegmentFor(position.local())->Find(key, position.local()) != nullptr;
}

// --- sums -----------------------------------------------------------------------------------------------------------

int64_t DatabaseSize::AverageTtl(UnixMs now) const {
  if (volatile_keys == 0) return 0;
  const __int128 average = expiry_sum / static_cast<__int128>(volatile_keys) - now;
  return static_cast<int64_t>(std::clamp<__int128>(average, 0, INT64_MAX));
}

DatabaseSize Txn::SizeOf(DbIndex db) {
  DatabaseSize size;
  const PartitionSet occupied = store_.occupancy().With(db);
  for (size_t i = occupied.Next(0); i < kPartitions; i = occupied.Next(i + 1)) {
    WithPartition(i, [&](Partition& partition) NO_THREAD_SAFETY_ANALYSIS {
      const Table* table = partition.tables[db].get();
      if (table == nullptr) return;
      size.keys += table->keys();
      size.volatile_keys += table->volatile_keys();
      size.expiry_sum += table->expiry_sum();
      if (partition.foreign_slots != 0 && !shows_foreign_) TakeOffForeign(partition, *table, &size);
    });
  }
  return size;
}

void Txn::TakeOffForeign(const Partition& partition, const Table& table, DatabaseSize* size) NO_THREAD_SAFETY_ANALYSIS {
  for (uint64_t at = 0; at < uint64_t{1} << 32 && table.keys() > 0;) {
    const Table::Stretch stretch = table.StretchAt(static_cast<uint32_t>(at));
    const size_t first_slot = SlotAt({at});
    const size_t slots = SlotAt({stretch.end - 1}) - first_slot + 1;
    const uint64_t mask = (slots == kSlotsInPartition ? ~uint64_t{0} : (uint64_t{1} << slots) - 1) << first_slot;
    if ((partition.foreign_slots & mask) != 0) {
      stretch.segment->ForEach([&](const Slot& slot) NO_THREAD_SAFETY_ANALYSIS {
        if (!partition.IsForeign(slot.local_position())) return;
        --size->keys;
        if (!slot.entry()->has_expiry()) return;
        --size->volatile_keys;
        size->expiry_sum -= slot.entry()->expiry();
      });
    }
    at = stretch.end;
  }
}

uint64_t Txn::CountKeys() {
  uint64_t keys = 0;
  store_.occupancy().ForEachUsed([&](DbIndex db) { keys += SizeOf(db).keys; });
  return keys;
}

KeyStatistics Txn::Statistics() {
  KeyStatistics sum;
  for (size_t i = 0; i < kPartitions; ++i) {
    WithPartition(i, [&](Partition& partition) NO_THREAD_SAFETY_ANALYSIS { sum += partition.statistics; });
  }
  return sum;
}

void Txn::ResetStatistics() {
  for (size_t i = 0; i < kPartitions; ++i) {
    WithPartition(i, [](Partition& partition) NO_THREAD_SAFETY_ANALYSIS {
      partition.statistics = KeyStatistics();
      partition.prefix_uses.assign(partition.prefix_uses.size(), {});
    });
  }
}

std::vector<PrefixUsage> Txn::PrefixUsages() {
  const PrefixList& prefixes = store_.prefixes();
  std::vector<PrefixUsage> usages(prefixes.size());
  if (prefixes.empty()) return usages;
  for (size_t i = 0; i < prefixes.size(); ++i) usages[i].prefix = prefixes[i];
  for (size_t i = 0; i < kPartitions; ++i) {
    WithPartition(i, [&](Partition& partition) NO_THREAD_SAFETY_ANALYSIS {
      for (size_t j = 0; j < usages.size(); ++j) {
        usages[j].uses.reads += partition.prefix_uses[j].reads;
        usages[j].uses.misses += partition.prefix_uses[j].misses;
        usages[j].uses.writes += partition.prefix_uses[j].writes;
        store_.occupancy().ForEachUsed([&](DbIndex db) NO_THREAD_SAFETY_ANALYSIS {
          const Table* table = partition.tables[db].get();
          if (table == nullptr) return;
          usages[j].size.keys += table->prefix_sizes()[j].keys;
          usages[j].size.bytes += table->prefix_sizes()[j].bytes;
        });
      }
    });
  }
  return usages;
}

uint64_t Txn::Changes() {
  uint64_t sum = 0;
  for (size_t i = 0; i < kPartitions; ++i) {
    WithPartition(i, [&](Partition& partition) NO_THREAD_SAFETY_ANALYSIS { sum += partition.changes; });
  }
  return sum;
}

uint64_t Txn::TableBytes() {
  uint64_t sum = 0;
  for (size_t i = 0; i < kPartitions; ++i) {
    WithPartition(i, [&](Partition& partition) NO_THREAD_SAFETY_ANALYSIS {
      store_.occupancy().ForEachUsed([&](DbIndex db) NO_THREAD_SAFETY_ANALYSIS {
        const Table* table = partition.tables[db].get();
        if (table != nullptr) sum += table->TableBytes();
      });
    });
  }
  return sum;
}

// --- many keys ------------------------------------------------------------------------------------------------------

Txn::Sweep Txn::SweepExpired(size_t partition_index, size_t most) NO_THREAD_SAFETY_ANALYSIS {
  Sweep sweep;
  const DueTime due_now = DueTimeOf(now_ - (kDueUnitMs - 1));  // items are rounded up: these are due for certain
  Partition& partition = store_.partition(partition_index);
  {
    MutexLock lock(partition.mutex);
    // A follower is told when keys end.
    if (store_.authority() != Authority::kOwner) return sweep;
    NoteRecording();
    SweepLocked(partition, most, due_now, &sweep);
    CommitIn(partition);
  }
  if (must_tell_) TellUnlocked();
  return sweep;
}

void Txn::SweepLocked(Partition& partition, size_t most, DueTime due_now, Sweep* sweep) NO_THREAD_SAFETY_ANALYSIS {
  for (DbIndex db = store_.occupancy().NextUsed(0); db < store_.databases();
       db = store_.occupancy().NextUsed(static_cast<DbIndex>(db + 1))) {
    Table* table = partition.tables[db].get();
    if (table == nullptr || table->next_due() > due_now) continue;
    DueTime next_due = kNeverDue;
    for (uint64_t at = 0; at < (uint64_t{1} << 32);) {
      const Table::Stretch stretch = table->StretchAt(static_cast<uint32_t>(at));
      Segment* segment = stretch.segment;
      bool merged = false;
      while (segment->NextDue() <= due_now && !merged) {
        if (sweep->looked_at >= most) {
          sweep->finished = false;
          return;
        }
        ++sweep->looked_at;
        merged = SweepItem(partition, db, *table, segment, segment->PopDue().local_position, due_now, sweep);
      }
      if (merged) continue;  // the segment is another now: look at the same stretch again
      next_due = std::min(next_due, segment->NextDue());
      at = stretch.end;
    }
    table->set_next_due(next_due);
  }
}

bool Txn::SweepItem(Partition& partition, DbIndex db, Table& table, Segment* segment, uint32_t local_position,
                    DueTime due_now, Sweep* sweep) NO_THREAD_SAFETY_ANALYSIS {
  // More than one key may stand at a position; each is looked at. When a foreign one ends is its owner's to say.
  if (partition.IsForeign(local_position)) {
    segment->QueueAgain(local_position, due_now + 1);
    return false;
  }
  const size_t segments_before = table.segments();
  while (const Slot* slot = segment->FindExpiredAt(local_position, now_)) {
    const Place unlocated(db, slot->entry()->key(), {.partition = &partition, .local_position = local_position});
    Place place = Located(unlocated, segment, slot, &table);
    ++sweep->erased;
    Do(place, Erase{EraseReason::kExpired});
    if (table.segments() != segments_before) {
      table.SegmentFor(local_position)->QueueAgain(local_position, due_now + 1);
      return true;
    }
  }
  segment->QueueAgain(local_position, due_now + 1);
  return false;
}

bool Txn::WalkPartition(Partition& partition, DbIndex db, uint32_t from, size_t* budget, const Visitor& visit,
                        uint64_t* next) NO_THREAD_SAFETY_ANALYSIS {
  const Table* table = partition.tables[db].get();
  if (table == nullptr) return false;
  const std::optional<uint64_t> stopped = table->Walk(from, budget, [&](const Slot& slot) NO_THREAD_SAFETY_ANALYSIS {
    if (!IsHidden(partition, slot)) visit(*slot.entry());
  });
  if (stopped) *next = *stopped;
  return stopped.has_value();
}

uint64_t Txn::VisitPartitions(DbIndex db, uint64_t cursor, const PartitionVisitor& visit) {
  if (cursor >= kPositions) return 0;
  const Position at{cursor};
  const PartitionSet occupied = store_.occupancy().With(db);
  for (size_t partition = occupied.Next(at.partition()); partition < kPartitions;
       partition = occupied.Next(partition + 1)) {
    bool stopped = false;
    uint64_t next = 0;
    const uint32_t from = partition == at.partition() ? at.local() : 0;
    WithPartition(partition, [&](Partition& locked) { stopped = visit(locked, from, &next); });
    if (stopped) {
      const uint64_t position = (static_cast<uint64_t>(partition) << 32) + next;
      return position >= kPositions ? 0 : position;
    }
  }
  return 0;
}

uint64_t Txn::Walk(DbIndex db, uint64_t cursor, size_t count, const Visitor& visit) {
  size_t budget = std::max<size_t>(count, 1);
  return VisitPartitions(db, cursor, [&](Partition& partition, uint32_t from, uint64_t* next) {
    return WalkPartition(partition, db, from, &budget, visit, next);
  });
}

// --- samples and eviction -------------------------------------------------------------------------------------------

void Txn::Sample(DbIndex db, size_t count, bool volatile_only, const PositionVisitor& visit) {
  const PartitionSet occupied = store_.occupancy().With(db, volatile_only);
  const size_t candidates = occupied.size();
  if (candidates == 0) return;
  size_t at = occupied.Pick(random_);
  bool found = false;
  for (size_t i = 0; i < candidates && !found; ++i) {
    WithPartition(at, [&](Partition& partition) NO_THREAD_SAFETY_ANALYSIS {
      const Table* table = partition.tables[db].get();
      found = table != nullptr && SampleTable(partition, *table, count, volatile_only, visit);
    });
    at = occupied.Next(at + 1);
    if (at == kPartitions) at = occupied.Next(0);
  }
}

bool Txn::SampleTable(const Partition& partition, const Table& table, size_t count, bool volatile_only,
                      const PositionVisitor& visit) NO_THREAD_SAFETY_ANALYSIS {
  // Once more where nothing was come upon but what is hidden.
  const int tries = partition.foreign_slots == 0 ? 1 : 8;
  bool found = false;
  for (int i = 0; i < tries && !found; ++i) {
    table.Sample(random_, count, volatile_only, [&](const Slot& slot) NO_THREAD_SAFETY_ANALYSIS {
      if (partition.IsForeign(slot.local_position())) return;
      found = true;
      visit(Position::In(partition.index, slot.local_position()), *slot.entry());
    });
  }
  return found;
}

bool Txn::EvictAt(DbIndex db, Position position,
                  const std::function<bool(const Entry&)>& may_go) NO_THREAD_SAFETY_ANALYSIS {
  RINGKV_DCHECK(!any_locked_);
  bool is_evicted = false;
  Partition& partition = store_.partition(position.partition());
  {
    MutexLock lock(partition.mutex);
    // A follower is told what is evicted, and keys of foreign slots are their owner's matter.
    if (store_.authority() != Authority::kOwner || partition.IsForeign(position.local())) return false;
    NoteRecording();
    is_evicted = EvictFrom(partition, db, position.local(), may_go);
    CommitIn(partition);
  }
  if (must_tell_) TellUnlocked();
  return is_evicted;
}

bool Txn::EvictFrom(Partition& partition, DbIndex db, uint32_t local_position,
                    const std::function<bool(const Entry&)>& may_go) NO_THREAD_SAFETY_ANALYSIS {
  const Table* table = partition.tables[db].get();
  if (table == nullptr) return false;
  const Slot* slot = nullptr;
  table->VisitAt(local_position, [&](const Slot& found) {
    if (may_go(*found.entry())) slot = &found;
  });
  if (slot == nullptr) return false;
  const Place unlocated(db, slot->entry()->key(), {.partition = &partition, .local_position = local_position});
  Place place = Located(unlocated, table->SegmentFor(local_position), slot, table);
  Do(place, Erase{EraseReason::kEvicted});
  return true;
}

}  // namespace ringkv::storage
