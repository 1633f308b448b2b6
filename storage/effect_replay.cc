// SPDX-License-Identifier: MIT
#include "storage/effect_replay.h"

namespace ringkv::storage {

EffectReplay::EffectReplay(Store& store, const RunMap& runs, UnixMs now)
    : store_(store), runs_(runs), random_(store.hash_seed()), txn_(store, now, random_) {
  // That a key has gone stands in the log; until then effects may refer to it.
  txn_.set_keeps_expired(true);
}

bool EffectReplay::IsInBlock(Lsn lsn, std::string_view key) const {
  return lsn <= runs_.highest() && lsn <= runs_.LsnAt(PositionOf(key, store_.hash_seed()));
}

bool EffectReplay::Apply(Lsn lsn, std::string_view effects) {
  ByteReader reader(effects);
  while (!reader.AtEnd()) {
    const EffectRecord record = DecodeEffect(&reader);
    if (!reader.ok() || record.db >= store_.databases() || !ApplyOne(lsn, record)) return false;
  }
  return true;
}

bool EffectReplay::ApplyOne(Lsn lsn, const EffectRecord& record) {
  if (std::holds_alternative<DatabaseFlush>(record.effect)) {
    Flush(lsn, record.db);
    return true;
  }
  if (const auto* swap = std::get_if<DatabaseSwap>(&record.effect)) {
    if (swap->other >= store_.databases()) return false;
    Swap(lsn, record.db, swap->other);
    return true;
  }
  if (IsInBlock(lsn, record.key)) return true;
  txn_.LockKey(record.key);
  Place place = txn_.Find(record.db, record.key, Intent::kCheck);
  bool makes_sense = true;
  if (const auto* put = std::get_if<StringPut>(&record.effect)) {
    txn_.Do(place, *put);
  } else if (const auto* patch = std::get_if<StringPatch>(&record.effect)) {
    makes_sense = patch->offset + patch->bytes.size() <= UINT32_MAX;
    if (makes_sense) txn_.Do(place, *patch);
  } else if (const auto* expiry = std::get_if<ExpirySet>(&record.effect)) {
    makes_sense = static_cast<bool>(place);
    if (makes_sense) txn_.Do(place, *expiry);
  } else if (const auto* erase = std::get_if<Erase>(&record.effect)) {
    makes_sense = static_cast<bool>(place);
    if (makes_sense) txn_.Do(place, *erase);
  }
  txn_.Unlock();
  return makes_sense;
}

// --- whole databases ------------------------------------------------------------------------------------------------

std::vector<std::string> EffectReplay::KeysBefore(Lsn lsn, DbIndex db) {
  std::vector<std::string> keys;
  uint64_t cursor = 0;
  do {
    cursor = txn_.Walk(db, cursor, 1000, [&](const Entry& entry) {
      if (!IsInBlock(lsn, entry.key())) keys.emplace_back(entry.key());
    });
  } while (cursor != 0);
  return keys;
}

void EffectReplay::Flush(Lsn lsn, DbIndex db) {
  if (lsn > runs_.highest()) {
    txn_.LockAll();
    txn_.FlushDatabase(db);
    txn_.Unlock();
    return;
  }
  for (const std::string& key : KeysBefore(lsn, db)) {
    txn_.LockKey(key);
    Place place = txn_.Find(db, key, Intent::kCheck);
    txn_.Do(place, Erase{});
    txn_.Unlock();
  }
}

void EffectReplay::Swap(Lsn lsn, DbIndex a, DbIndex b) {
  if (lsn > runs_.highest()) {
    txn_.LockAll();
    txn_.SwapDatabases(a, b);
    txn_.Unlock();
    return;
  }
  struct Moved {
    std::string key;
    std::string value;
    UnixMs expiry;
    StringForm form;
  };
  const auto take_out = [&](DbIndex db) {
    std::vector<Moved> moved;
    for (std::string& key : KeysBefore(lsn, db)) {
      txn_.LockKey(key);
      Place place = txn_.Find(db, key, Intent::kCheck);
      const Entry& entry = place.entry();
      moved.push_back({key, std::string(entry.value()), entry.expiry(), entry.form()});
      txn_.Do(place, Erase{});
      txn_.Unlock();
    }
    return moved;
  };
  const std::vector<Moved> of_a = take_out(a);
  const std::vector<Moved> of_b = take_out(b);
  const auto put_in = [&](DbIndex db, const std::vector<Moved>& moved) {
    for (const Moved& each : moved) {
      txn_.LockKey(each.key);
      Place place = txn_.Find(db, each.key, Intent::kCheck);
      txn_.Do(place, StringPut{each.value, each.expiry, each.form});
      txn_.Unlock();
    }
  };
  put_in(b, of_a);
  put_in(a, of_b);
}

}  // namespace ringkv::storage
