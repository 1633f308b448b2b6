// SPDX-License-Identifier: MIT
// Changes that can be undone, of a transaction that may have to give up its locks and begin again.
#include <memory>
#include <utility>

#include "storage/edit/mutable_entry.h"
#include "storage/transaction/txn.h"
#include "storage/transaction/undo.h"

namespace ringkv::storage {

Txn::Txn(Store& store, UnixMs now, Random& random) : store_(store), random_(random), now_(now) {}

Txn::~Txn() { Unlock(); }

void Txn::BeginFirstChange() {
  has_begun_changes_ = true;
  lasts_ = true;
  if (holds_all_ || (!prefers_undo_ && TakeRightIfIdle())) return;
  if (undo_ == nullptr) undo_ = std::make_unique<Undo>();
  undo_->Begin(records_.size());
  is_undoable_ = true;
}

// Several threads that ask for the right for each of their scripts would pass its cache line on, and find it taken, all
// the time: who has found it so leaves it to the others for a while. To keep the values costs less.
bool Txn::TakeRightIfIdle() {
  constexpr uint32_t kLeftToOthers = 100;
  if (!is_irrevocable_ && left_to_others_ > 0) {
    --left_to_others_;
    return false;
  }
  if (TakeRight()) return true;
  left_to_others_ = kLeftToOthers;
  return false;
}

bool Txn::MayKeep(std::string_view key) {
  const Known* const known = NextKnown(key);
  const Position position = known != nullptr ? known->position : PositionOf(key, store_.placement());
  bool may_keep = true;
  store_.occupancy().ForEachUsed([&](DbIndex db) {
    may_keep = may_keep && (undo_->Has(db, key) || undo_->MayKeep(LookUp(db, key, position).entry_or_null()));
  });
  if (may_keep) return true;
  if (!TakeRight()) return false;
  TellKeptChanges();
  return true;
}

void Txn::Keep(const Place& place) {
  if (undo_->Has(place.db(), place.key())) return;
  undo_->Keep(place.db(), place.key(), Fresh(place).entry_or_null(), store_.type_limits());
}

void Txn::Observe(DbIndex db, std::string_view key, KeyChange change) {
  KeyObserver* observer = store_.observer();
  if (observer != nullptr && observer->Changed(db, key, change)) must_tell_ = true;
  if (store_.is_tracked()) [[unlikely]]
    Invalidate(key, change);
}

void Txn::TellKeptChanges() {
  if (!std::exchange(is_undoable_, false)) return;
  author_ = 0;  // some may be keys that have expired, which is nobody's doing
  undo_->ForEachChange([&](DbIndex db, std::string_view key, KeyChange change) { Observe(db, key, change); });
  undo_->Clear();
}

void Txn::Rollback() {
  RINGKV_CHECK(MayRollback());
  if (std::exchange(is_undoable_, false)) {
    const bool was_silent = std::exchange(is_silent_, true);
    undo_->TakeBack([&](DbIndex db, std::string_view key, const Undo::Counted& counted, MutableEntry* before) {
      Restore(db, key, before);
      Partition& partition = store_.partition(PositionOf(key, store_.placement()).partition());
      partition.mutex.AssertHeld();
      partition.changes -= counted.changes;
      partition.statistics.expired -= counted.expired;
      partition.expired_fields -= counted.expired_fields;
    });
    is_silent_ = was_silent;
    records_.resize(undo_->records());
    undo_->Clear();
  }
  Unlock();
}

void Txn::Restore(DbIndex db, std::string_view key, MutableEntry* before) {
  Place place = LookUp(db, key);
  if (before != nullptr) {
    Overwrite(place, before);
  } else if (place) {
    FreeEntry(Take(place));
  }
}

}  // namespace ringkv::storage
