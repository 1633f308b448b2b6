// SPDX-License-Identifier: MIT
#include "storage/transaction/txn.h"

#include <algorithm>
#include <concepts>
#include <utility>

#include "storage/base/check.h"
#include "storage/edit/mutable_entry.h"
#include "storage/effects/effect_codec.h"
#include "storage/table/value_edit.h"
#include "storage/transaction/undo.h"
#include "storage/types/collection.h"
#include "storage/types/hash.h"
#include "storage/types/list.h"
#include "storage/types/set.h"
#include "storage/types/sorted_set.h"
#include "storage/types/stream.h"

namespace ringkv::storage {

// --- one key --------------------------------------------------------------------------------------------------------

inline Place Txn::LookUp(DbIndex db, std::string_view key, Position position) {
  Partition& partition = store_.partition(position.partition());
  partition.mutex.AssertHeld();
  const Place nowhere(db, key, partition, position.local());
  const Table* table = partition.tables[db].get();
  if (table == nullptr) return nowhere;
  Segment* segment = table->SegmentFor(position.local());
  return nowhere.FoundAt(segment, segment->Find(key, position.local()), table);
}

Place Txn::Find(DbIndex db, std::string_view key, Intent intent) {
  const Position position = PositionOfKey(key);
  RINGKV_CHECK(IsLocked(position.partition()));
  if (looks_again_ && intent != Intent::kErase) [[unlikely]]
    intent = Intent::kCheck;
  Place place = LookUp(db, key, position);
  if (place && IsExpired(place.entry())) {
    if (store_.authority() == Authority::kOwner && !leaves_expired_) {
      if (intent != Intent::kErase) Do(place, Erase{EraseReason::kExpired}, events::kExpired);
    } else if (!WritesOverHidden() || intent != Intent::kErase) {
      place = place.FoundAt(nullptr, nullptr, nullptr);
    }
  }
  if (intent == Intent::kRead || intent == Intent::kPeek || intent == Intent::kLook) {
    Partition& partition = *place.location().partition;
    partition.mutex.AssertHeld();
    ++(place ? partition.statistics.hits : partition.statistics.misses);
    if (!place && intent != Intent::kLook) Tell(place, events::kKeyMiss);
    if (!store_.prefixes().empty()) {
      store_.prefixes().ForEachOf(key, [&](size_t index) {
        partition.mutex.AssertHeld();
        ++partition.prefix_uses[index].reads;
        if (!place) ++partition.prefix_uses[index].misses;
      });
    }
  }
  if (place && (intent == Intent::kRead || intent == Intent::kWrite) && !no_touch) {
    MutableEntry* entry = place.location().cell->mutable_entry();
    const uint32_t access = NextAccess(entry->access(), store_.access_options(), now_, random_);
    if (access != entry->access()) entry->set_access(access);
  }
  return place;
}

void Txn::NoteExpired(const Place& place, bool is_field) {
  Partition& partition = *place.location().partition;
  partition.mutex.AssertHeld();
  ++(is_field ? partition.expired_fields : partition.statistics.expired);
  if (is_undoable_) [[unlikely]]
    undo_->NoteExpired(place.db(), place.key(), is_field);
}

void Txn::Announce(const Place& place, const KeyEvent& event, KeyChange change) {
  Partition& partition = *place.location().partition;
  partition.mutex.AssertHeld();
  ++partition.changes;
  if (!store_.prefixes().empty()) {
    store_.prefixes().ForEachOf(place.key(), [&](size_t index) {
      partition.mutex.AssertHeld();
      ++partition.prefix_uses[index].writes;
    });
  }
  if (is_undoable_) [[unlikely]] {
    undo_->NoteChange(place.db(), place.key(), change);
  } else {
    Observe(place.db(), place.key(), change);
  }
  Tell(place, event);
}

void Txn::AnnounceAsNobodys(const Place& place, const KeyEvent& event, KeyChange change) {
  const uint64_t author = std::exchange(author_, 0);
  Announce(place, event, change);
  author_ = author;
}

void Txn::Tell(const Place& place, const KeyEvent& event) {
  KeyObserver* observer = store_.observer();
  if (observer == nullptr || !observer->wants_events() || is_silent_ || event.name.empty()) return;
  if (events_ != nullptr) return events_->Add(place.db(), place.key(), event);
  observer->Happened(place.db(), place.key(), event);
}

// Only used for statistics by prefix.
size_t Txn::OldSize(const Entry& entry) const { return store_.prefixes().empty() ? 0 : entry.MemorySize(); }

void Txn::NoteOldSize(const Place& place, size_t bytes) {
  if (store_.prefixes().empty()) return;
  const size_t now = place.location().cell->entry()->MemorySize();
  TableFor(place).NoteGrowth(place.key(), static_cast<int64_t>(now) - static_cast<int64_t>(bytes));
}

template <typename Effect>
void Txn::Record(const Place& place, const Effect& effect) {
  if (MustRecord()) EncodeEffect(&records_, place.db(), place.key(), effect);
}

Table& Txn::TableFor(const Place& place) {
  Partition& partition = *place.location().partition;
  partition.mutex.AssertHeld();
  return partition.TableOf(place.db());
}

void Txn::NoteOccupancy(const Place& place) {
  Partition& partition = *place.location().partition;
  partition.mutex.AssertHeld();
  partition.NoteOccupancy(place.db());
}

Place Txn::Fresh(const Place& place) {
  const Place::Location& at = place.location();
  const Table& table = TableFor(place);
  if (!place || at.table_version == table.version()) return place;
  Segment* segment = table.SegmentFor(at.local_position);
  const Cell* cell = segment->Find(place.key(), at.local_position);
  RINGKV_CHECK(cell != nullptr);
  return place.FoundAt(segment, cell, &table);
}

// On a writable follower a read leaves an expired key to the primary, which may have prolonged it; a write replaces it.
// So it is while data is imported.
void Txn::EraseHidden(const Place& place) {
  Table& table = TableFor(place);
  Segment* segment = table.SegmentFor(place.location().local_position);
  const Cell* cell = segment->Find(place.key(), place.location().local_position);
  if (cell == nullptr) return;
  Place hidden = place.FoundAt(segment, cell, &table);
  Do(hidden, Erase{EraseReason::kExpired}, events::kExpired);
}

Place Txn::Put(const Place& place, MutableEntry* entry) {
  if (WritesOverHidden()) [[unlikely]]
    EraseHidden(place);
  Table& table = TableFor(place);
  const Table::Inserted inserted = table.Insert(place.location().local_position, entry);
  NoteOccupancy(place);
  Tell(place, events::kNew);
  return place.FoundAt(inserted.segment, inserted.cell, &table);
}

MutableEntry* Txn::Take(Place& place) {
  place = Fresh(place);
  Table& table = TableFor(place);
  MutableEntry* entry = table.Remove(place.location().segment, place.location().cell);
  NoteOccupancy(place);
  place = place.FoundAt(nullptr, nullptr, &table);
  return entry;
}

void Txn::Swap(Place& place, const Expiries& before, MutableEntry* entry) {
  Table& table = TableFor(place);
  table.Replace(place.location().segment, place.location().cell, before, entry);
  const bool has_other_expiries =
      entry->has_expiry() != (before.key != kNoExpiry) || entry->has_field_expiry() != (before.fields != kNoExpiry);
  if (has_other_expiries) NoteOccupancy(place);
  place = place.FoundAt(place.location().segment, place.location().cell, &table);
}

void Txn::Do(Place& place, const StringPut& effect, const KeyEvent& event) {
  KeepForUndo(place);
  Record(place, effect);
  if (!place) {
    place = Put(place, MutableEntry::Create(place.key(), effect.value, effect.expiry, effect.form,
                                            FirstAccess(store_.access_options(), now_)));
  } else {
    place = Fresh(place);
    MutableEntry* entry = place.location().cell->mutable_entry();
    const Expiries before = ExpiriesOf(*entry);
    const size_t old_size = OldSize(*entry);
    MutableEntry* left_over = nullptr;
    MutableEntry* now_there = entry->WithValue(effect.value, effect.expiry, effect.form, &left_over);
    if (now_there != entry || Expiries{.key = effect.expiry} != before) Swap(place, before, now_there);
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
  MutableEntry* old = place.location().cell->mutable_entry();
  const Expiries before = ExpiriesOf(*old);
  const size_t old_size = OldSize(*old);
  Swap(place, before, entry);
  NoteOldSize(place, old_size);
  FreeEntry(old);
}

void Txn::MakeString(Place& place, size_t bytes, bool reads_old, const StringMaker& make, const KeyEvent& event) {
  KeepForUndo(place);
  place = Fresh(place);
  const bool fits = place && !reads_old && place.entry().type() == ValueType::kString && !place.entry().has_expiry() &&
                    place.value().size() == bytes;
  if (fits) {
    MutableEntry* entry = place.location().cell->mutable_entry();
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
  Announce(place, event);
}

void Txn::Do(Place& place, const CollectionPut& effect, const KeyEvent& event) {
  KeepForUndo(place);
  Record(place, effect);
  const uint32_t access = place ? place.entry().access() : FirstAccess(store_.access_options(), now_);
  Overwrite(place, MakeEntry(place.key(), effect, store_.type_limits(), access));
  Announce(place, event);
}

void Txn::PutSet(Place& place, NewSet& set, const KeyEvent& event) {
  KeepForUndo(place);
  MutableEntry* entry = set.Release();
  entry->set_access(place ? place.entry().access() : FirstAccess(store_.access_options(), now_));
  Overwrite(place, entry);
  RecordValue(place);
  Announce(place, event);
}

template <CollectionEffect Effect>
EffectResult Txn::ChangeCollection(Place& place, const Effect& effect, const KeyEvent& event) {
  KeepForUndo(place);
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
  MutableEntry* entry = place.location().cell->mutable_entry();
  const size_t old_size = OldSize(*entry);
  const Expiries before = ExpiriesOf(*entry);
  ValueEdit edit(entry, store_.type_limits());
  const EffectResult outcome = Apply(edit, effect);
  if (edit.entry() != entry || ExpiriesOf(*edit.entry()) != before) Swap(place, before, edit.mutable_entry());
  const bool stays = !kRowOf<Effect>.may_empty || MayStand(place.entry());
  if (stays) {
    NoteOldSize(place, old_size);
  } else {
    FreeEntry(Take(place));
  }
  if (outcome == EffectResult::kUnchanged) {
    records_.resize(recorded);
  } else {
    const KeyChange change = is_new ? KeyChange::kValue : kRowOf<Effect>.changes;
    if constexpr (std::same_as<Effect, HashFieldExpire>) {
      NoteExpired(place, true);
      AnnounceAsNobodys(place, event, change);
    } else {
      Announce(place, event, change);
    }
    if (!stays) Tell(place, events::kDel);
  }
  return outcome;
}

EffectResult Txn::Do(Place& place, const CollectionChange& change, const KeyEvent& event) {
  return change.Visit([&](const auto& effect) { return ChangeCollection(place, effect, event); });
}

void Txn::NoteConsumerSeen(const Place& place, std::string_view group, std::string_view consumer, bool is_active) {
  KeepForUndo(place);
  MutableEntry* entry = Fresh(place).location().cell->mutable_entry();
  static_cast<Stream&>(entry->large()).ChangeGroup(group, [&](StreamGroup& in) {
    in.PutConsumer(consumer, now_);
    if (is_active) in.NoteActive(consumer, now_);
  });
}

void Txn::NotePatched(Place& place) {
  KeepForUndo(place);
  place = Fresh(place);
  place.location().cell->mutable_entry()->set_kind(StringForm::kPatched);
}

void Txn::SetAccess(Place& place, uint32_t access) {
  place = Fresh(place);
  place.location().cell->mutable_entry()->set_access(access);
}

void Txn::Do(Place& place, const StringPatch& effect, const KeyEvent& event) {
  KeepForUndo(place);
  Record(place, effect);
  if (!place) {
    place = Put(place, MutableEntry::Create(place.key(), {}, kNoExpiry, StringForm::kPatched,
                                            FirstAccess(store_.access_options(), now_)));
  }
  place = Fresh(place);
  MutableEntry* entry = place.location().cell->mutable_entry();
  const size_t old_size = OldSize(*entry);
  MutableEntry* now_there = entry->WithBytesAt(effect.offset, effect.bytes);
  if (now_there != entry) Swap(place, {.key = now_there->expiry()}, now_there);
  NoteOldSize(place, old_size);
  Announce(place, event);
}

void Txn::Do(Place& place, const ExpirySet& effect, const KeyEvent& event) {
  KeepForUndo(place);
  Record(place, effect);
  RINGKV_CHECK(place);
  place = Fresh(place);
  MutableEntry* entry = place.location().cell->mutable_entry();
  const Expiries before = ExpiriesOf(*entry);
  const size_t old_size = OldSize(*entry);
  Swap(place, before, entry->WithExpiry(effect.expiry));
  NoteOldSize(place, old_size);
  Announce(place, event);
}

void Txn::Do(Place& place, const Erase& effect, const KeyEvent& event) {
  KeepForUndo(place);
  Record(place, effect);
  RINGKV_CHECK(place);
  MutableEntry* entry = Take(place);
  if (effect.reason == EraseReason::kExpired) NoteExpired(place, false);
  if (effect.reason == EraseReason::kEvicted) {
    Partition& partition = *place.location().partition;
    partition.mutex.AssertHeld();
    ++partition.statistics.evicted;
  }
  effect.reason == EraseReason::kDeleted ? Announce(place, event) : AnnounceAsNobodys(place, event);
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

void Txn::Rename(Place& from, DbIndex to_db, std::string_view to_key, const RenameEvents& told) {
  RINGKV_CHECK(from);
  KeepForUndo(from);
  MutableEntry* entry = Take(from);
  Record(from, Erase{});
  Place to = Find(to_db, to_key, Intent::kCheck);
  KeepForUndo(to);
  if (to) Do(to, Erase{}, events::kNone);
  if (!entry->KeyEquals(to_key)) entry = entry->WithKey(to_key);
  to = Put(to, entry);
  // The value itself, not where it came from: a snapshot may hold the one place before and the other after this.
  RecordValue(to);
  Announce(from, told.from);
  Announce(to, told.to);
}

void Txn::RecordGroup(std::string_view effects) {
  RINGKV_CHECK(any_locked_ && records_.empty());
  stands_for_group_ = store_.log().is_recording();
  if (stands_for_group_) records_ = effects;
}

}  // namespace ringkv::storage
