// SPDX-License-Identifier: MIT
#include "storage/replay/effect_replay.h"

#include <algorithm>
#include <array>

#include "storage/replay/effect_apply.h"
#include "storage/transaction/walk.h"

namespace ringkv::storage {

EffectReplay::EffectReplay(Store& store, const RunMap& runs, UnixMs now)
    : store_(store), runs_(runs), random_(store.placement().seed), txn_(store, now, random_) {
  // That a key has gone stands in the log; until then effects may refer to it.
  txn_.set_keeps_expired(true);
  txn_.set_shows_foreign(true);
  txn_.set_is_silent(true);
}

bool EffectReplay::Decode(std::string_view effects) {
  records_.clear();
  ByteReader reader(effects);
  while (!reader.AtEnd()) {
    const EffectRecord record = DecodeEffect(&reader);
    if (!reader.ok() || record.db >= store_.databases()) return false;
    if (const auto* swap = std::get_if<DatabaseSwap>(&record.effect); swap && swap->other >= store_.databases()) {
      return false;
    }
    if (!IsSound(record.effect, store_.longest_string())) return false;
    records_.push_back(record);
  }
  return !records_.empty();
}

void EffectReplay::LockFor(Lsn lsn, std::optional<Position> position) {
  if (std::any_of(records_.begin(), records_.end(), [](const auto& record) { return !HasKey(record.effect); })) {
    txn_.LockAll();
    return;
  }
  if (records_.size() == 1) {
    position ? txn_.LockKey(records_[0].key, *position) : txn_.LockKey(records_[0].key);
    return;
  }
  for (const EffectRecord& record : records_) {
    if (follows_ || !runs_.IsInBlock(lsn, record.key)) txn_.AddKey(record.key);
  }
  txn_.LockAdded();
}

size_t EffectReplay::Apply(Lsn first, std::span<const std::string_view> groups) {
  size_t applied = 0;
  while (applied < groups.size()) {
    const size_t before = applied;
    const std::span<const std::string_view> some =
        groups.subspan(applied).first(std::min(kAtOnce, groups.size() - applied));
    ApplyPrefetched(first + applied, some, &applied);
    if (applied < before + some.size()) break;
  }
  return applied;
}

void EffectReplay::ApplyPrefetched(Lsn first, std::span<const std::string_view> groups, size_t* applied) {
  std::array<std::optional<Position>, kAtOnce> positions;
  std::array<DbIndex, kAtOnce> databases{};
  txn_.BeginPrefetch();
  for (size_t i = 0; i < groups.size(); ++i) {
    ByteReader reader(groups[i]);
    const EffectRecord head = DecodeEffect(&reader);
    if (!reader.ok() || head.db >= store_.databases() || !HasKey(head.effect)) continue;
    databases[i] = head.db;
    positions[i] = txn_.PrefetchBucket(head.db, head.key);
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    if (positions[i]) txn_.PrefetchEntry(databases[i], *positions[i], true);
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    if (!Apply(first + i, groups[i], positions[i])) return;
    ++*applied;
  }
}

bool EffectReplay::Apply(Lsn lsn, std::string_view effects, std::optional<Position> position) {
  if (!Decode(effects)) return false;
  LockFor(lsn, position);
  if (follows_) txn_.RecordGroup(effects);
  const bool makes_sense = ApplyAll(lsn);
  txn_.Unlock();
  return makes_sense;
}

bool EffectReplay::ApplyAll(Lsn lsn) {
  KeyEventList events;  // one for a change that is made of several effects, as at the primary
  txn_.CollectEvents(&events);
  const bool makes_sense =
      std::all_of(records_.begin(), records_.end(), [&](const EffectRecord& record) { return ApplyOne(lsn, record); });
  txn_.CollectEvents(nullptr);
  for (const auto& each : events.items()) store_.observer()->Happened(each.db, each.key, each.event);
  return makes_sense;
}

bool EffectReplay::ApplyOne(Lsn lsn, const EffectRecord& record) {
  if (std::holds_alternative<DatabaseFlush>(record.effect)) {
    Flush(lsn, record.db);
    return true;
  }
  if (const auto* swap = std::get_if<DatabaseSwap>(&record.effect)) {
    Swap(lsn, record.db, swap->other);
    return true;
  }
  // Once more, if a copy has the effect already: it is followed by all others since.
  if (ApplyToNode(txn_, record.effect)) return true;
  if (runs_.IsInBlock(lsn, record.key)) return true;
  Place place = txn_.Find(record.db, record.key, Intent::kCheck);
  return ApplyToKey(txn_, place, record.effect) || follows_;
}

// --- whole databases ------------------------------------------------------------------------------------------------

std::vector<std::string> EffectReplay::KeysBefore(Lsn lsn, DbIndex db) {
  std::vector<std::string> keys;
  uint64_t cursor = 0;
  do {
    cursor = Walk(txn_, db, cursor, 1000, [&](const Entry& entry) {
      if (!runs_.IsInBlock(lsn, entry.key())) keys.emplace_back(entry.key());
    });
  } while (cursor != 0);
  return keys;
}

void EffectReplay::Flush(Lsn lsn, DbIndex db) {
  if (lsn > runs_.highest()) {
    txn_.FlushDatabase(db);
    return;
  }
  for (const std::string& key : KeysBefore(lsn, db)) {
    Place place = txn_.Find(db, key, Intent::kCheck);
    txn_.Do(place, Erase{}, events::kNone);
  }
}

void EffectReplay::Swap(Lsn lsn, DbIndex a, DbIndex b) {
  if (lsn > runs_.highest()) {
    txn_.SwapDatabases(a, b);
    return;
  }
  struct Moved {
    std::string key;
    ValueCopy value;
  };
  const auto take_out = [&](DbIndex db) {
    std::vector<Moved> moved;
    for (std::string& key : KeysBefore(lsn, db)) {
      Place place = txn_.Find(db, key, Intent::kCheck);
      moved.push_back({key, ValueCopy(place.entry())});
      txn_.Do(place, Erase{}, events::kNone);
    }
    return moved;
  };
  const std::vector<Moved> of_a = take_out(a);
  const std::vector<Moved> of_b = take_out(b);
  const auto put_in = [&](DbIndex db, const std::vector<Moved>& moved) {
    for (const Moved& each : moved) {
      Place place = txn_.Find(db, each.key, Intent::kCheck);
      txn_.PutCopy(place, each.value, events::kNone);
    }
  };
  put_in(b, of_a);
  put_in(a, of_b);
}

}  // namespace ringkv::storage
