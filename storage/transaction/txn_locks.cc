// SPDX-License-Identifier: MIT
// The locks of a transaction.
//
// Locks of several partitions are taken in ascending order, so that those who wait for one never wait in a circle. One
// transaction at a time, the irrevocable one, may wait for any partition while it holds others; it marks these as held
// for long first, and for such a partition nobody waits while holding another.
#include <algorithm>
#include <optional>
#include <utility>

#include "storage/keyspace/long_holds.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {
namespace {

// The analysis looks at one function at a time, and these locks stay until the end of the transaction.
bool LockUntilCommit(Partition& partition, bool waits_for_long) NO_THREAD_SAFETY_ANALYSIS {
  return partition.mutex.Lock(waits_for_long);
}

// Before it marks its locks, which wakes all who wait: most holders are quicker than that.
bool TryLockAgain(Partition& partition) NO_THREAD_SAFETY_ANALYSIS {
  constexpr int kTries = 16;
  for (int i = 0; i < kTries; ++i) {
    if (partition.mutex.TryLockBriefly()) return true;
  }
  return false;
}

void UnlockBeforeCommit(Partition& partition) {
  partition.mutex.AssertHeld();
  partition.mutex.Unlock();
}

}  // namespace

// --- locks that are known beforehand --------------------------------------------------------------------------------

// A placement changes under the locks of all partitions. So a position that was computed before the lock is computed
// again if the placement has changed meanwhile.
bool Txn::LockKey(std::string_view key, bool waits_for_long) {
  for (;;) {
    const Placement placement = store_.placement();
    if (!LockPosition(key, PositionOf(key, placement), waits_for_long)) return false;
    if (placement == store_.placement()) return true;
    LetGo();
  }
}

bool Txn::LockKey(std::string_view key, Position position, bool waits_for_long) {
  if (!LockPosition(key, position, waits_for_long)) return false;
  if (prefetched_ == store_.placement()) return true;
  LetGo();
  return LockKey(key, waits_for_long);
}

bool Txn::LockPosition(std::string_view key, Position position, bool waits_for_long) {
  if (!LockPartition(position.partition(), waits_for_long)) return false;
  known_ = {key, position};
  return true;
}

bool Txn::LockPartition(size_t index, bool waits_for_long) {
  RINGKV_DCHECK(!any_locked_);
  Partition& partition = store_.partition(index);
  if (!LockUntilCommit(partition, waits_for_long && !is_irrevocable_)) {
    if (!waits_for_long) return false;
    HoldForLong();  // the holder's thread may want the right
    LockUntilCommit(partition, true);
  }
  NoteLocked(index);
  Begin();
  return true;
}

void Txn::Begin() {
  any_locked_ = true;
  is_recording_ = store_.log().is_recording() && RecordsChanges(store_.authority());
  leaves_expired_ = store_.leaves_expired();
  stands_for_group_ = false;
  if (hold_ != Hold::kShort) [[unlikely]]
    MarkLocks();
}

void Txn::AddKey(std::string_view key) { many_known_.push_back({key, {}}); }

bool Txn::LockAdded(bool waits_for_long) {
  RINGKV_DCHECK(!any_locked_);
  constexpr int kPatience = 16;  // rounds
  std::optional<LongHolds::Starving> starving;
  for (int round = 0;; ++round) {
    const Placement placement = store_.placement();
    for (Known& known : many_known_) {
      known.position = PositionOf(known.key, placement);
      NoteLocked(known.position.partition());
    }
    if (holds_all_) locked_.fill(~uint64_t{0});
    Partition* const held = LockAscending();
    if (held == nullptr && placement == store_.placement()) break;
    if (held == nullptr) ForEachLocked(UnlockBeforeCommit);
    locked_.fill(0);
    if (held == nullptr) continue;
    if (!waits_for_long) {
      ForgetLocks();
      return false;
    }
    if (round == kPatience) starving.emplace(store_.long_holds());
    if (is_irrevocable_) BeginLongHold(Hold::kLong);  // the holder's thread may want the right
    held->mutex.WaitWhileLong();
  }
  Begin();
  return true;
}

bool Txn::LockAll(bool waits_for_long) {
  holds_all_ = true;
  return LockAdded(waits_for_long);
}

Partition* Txn::LockAscending() {
  for (size_t i = NextLocked(0); i < kPartitions; i = NextLocked(i + 1)) {
    if (LockUntilCommit(store_.partition(i), false)) continue;
    for (size_t taken = NextLocked(0); taken < i; taken = NextLocked(taken + 1)) {
      UnlockBeforeCommit(store_.partition(taken));
    }
    return &store_.partition(i);
  }
  return nullptr;
}

void Txn::LetGo() {
  ForEachLocked(UnlockBeforeCommit);
  ForgetLocks();
}

void Txn::ForgetLocks() {
  locked_.fill(0);
  any_locked_ = false;
  holds_all_ = false;
  author_ = 0;
  ForgetTexts();
}

void Txn::ForgetTexts() {
  known_ = {};
  many_known_.clear();
  next_known_ = 0;
}

void Txn::Commit() {
  constexpr size_t kKept = 64 * 1024;
  const Lsn lsn = records_.empty() ? 0 : store_.log().Append(records_);
  if (new_libraries_ != nullptr) [[unlikely]]
    PublishLibraries(lsn);
  if (invalidation_ != nullptr) [[unlikely]]
    invalidation_->lsn = lsn;
  ForEachLocked([&](Partition& partition) {
    partition.mutex.AssertHeld();
    partition.last_lsn = std::max(partition.last_lsn, lsn);
    DependOn(partition.last_lsn);
    partition.mutex.Unlock();
  });
  records_.clear();
  if (records_.capacity() > kKept) records_.shrink_to_fit();
}

void Txn::Unlock() {
  if (!any_locked_ && !lasts_) return;
  if (is_undoable_) [[unlikely]]
    TellKeptChanges();
  Commit();
  ForgetLocks();
  if (lasts_) [[unlikely]]
    EndLasting();
  if (invalidation_ != nullptr) [[unlikely]]
    TellInvalidation();
  if (must_tell_) TellUnlocked();
}

void Txn::TellUnlocked() {
  must_tell_ = false;
  store_.observer()->Unlocked(*this);
}

// Handlers mostly find their keys in the order in which the row names them.
const Txn::Known* Txn::NextKnown(std::string_view key) {
  if (known_.Is(key)) return &known_;
  if (many_known_.empty()) return nullptr;
  if (next_known_ >= many_known_.size()) next_known_ = 0;
  const Known& next = many_known_[next_known_];
  return next.Is(key) ? &next : nullptr;
}

Position Txn::PositionOfKey(std::string_view key) {
  const Known* const known = NextKnown(key);
  if (known == nullptr) return PositionOf(key, store_.placement());
  if (known != &known_) ++next_known_;
  return known->position;
}

Position Txn::PrefetchBucket(DbIndex db, std::string_view key) {
  const Position position = PositionOf(key, prefetched_);
  Partition& partition = store_.partition(position.partition());
  if (!partition.mutex.Lock(false)) return position;
  if (const Table* table = partition.tables[db].get()) {
    const char* bucket = table->SegmentFor(position.local())->BucketAddress(position.local());
    __builtin_prefetch(bucket);
    __builtin_prefetch(bucket + 4 * BucketAllocator<Cell>::kBucketBytes);  // most keys stand within the next few
  }
  partition.mutex.Unlock();
  return position;
}

void Txn::PrefetchEntry(DbIndex db, Position position, bool inserts) {
  Partition& partition = store_.partition(position.partition());
  if (!partition.mutex.Lock(false)) return;
  const Table* const table = partition.tables[db].get();
  const char* entry = table == nullptr ? nullptr : table->SegmentFor(position.local())->EntryAddress(position.local());
  if (entry != nullptr) {
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + 64);
  } else if (table != nullptr && inserts) {
    table->PrefetchIndexes();
  }
  partition.mutex.Unlock();
}

// --- transactions that last -----------------------------------------------------------------------------------------

void Txn::HoldForLong(Hold hold) {
  ForgetTexts();
  BeginLongHold(hold);
}

void Txn::BeginLongHold(Hold hold) {
  if (hold <= hold_) return;
  const bool is_first = hold_ == Hold::kShort;
  hold_ = hold;
  lasts_ = true;
  MarkLocks();
  if (is_irrevocable_) MarkRight();
  LongHoldListener* const listener = store_.long_holds().listener();
  if (listener == nullptr) return;
  if (is_first) listener->LongHoldBegan();
  if (hold == Hold::kOverdue) listener->LongHoldOverdue();
}

void Txn::TakeOver() NO_THREAD_SAFETY_ANALYSIS {
  ForEachLocked([](Partition& partition) { partition.mutex.TakeOver(); });
  if (is_irrevocable_) store_.long_holds().right_to_wait().TakeOver();
}

void Txn::MarkLocks() {
  ForEachLocked([this](Partition& partition) {
    partition.mutex.AssertHeld();
    partition.mutex.Mark(hold_);
  });
}

bool Txn::TryBeginIrrevocable() NO_THREAD_SAFETY_ANALYSIS {
  RINGKV_CHECK(!any_locked_ && !is_irrevocable_);
  if (!store_.long_holds().right_to_wait().Lock(!skips_held_)) return false;
  BecomeIrrevocable();
  return true;
}

bool Txn::TakeRight() NO_THREAD_SAFETY_ANALYSIS {
  if (is_irrevocable_) return true;
  if (!store_.long_holds().right_to_wait().TryLock()) return false;
  BecomeIrrevocable();
  if (!prefers_undo_) TellKeptChanges();
  return true;
}

void Txn::BecomeIrrevocable() {
  is_irrevocable_ = true;
  lasts_ = true;
  if (hold_ != Hold::kShort) MarkRight();
}

void Txn::MarkRight() {
  LongHoldMutex& right = store_.long_holds().right_to_wait();
  right.AssertHeld();
  right.Mark(hold_);
}

void Txn::EndLasting() {
  if (is_irrevocable_) {
    LongHoldMutex& right = store_.long_holds().right_to_wait();
    right.AssertHeld();
    right.Unlock();
  }
  is_irrevocable_ = false;
  has_begun_changes_ = false;
  prefers_undo_ = false;
  lasts_ = false;
  const bool was_long = std::exchange(hold_, Hold::kShort) != Hold::kShort;
  if (was_long && store_.long_holds().listener() != nullptr) store_.long_holds().listener()->LongHoldEnded();
}

MoreLocks Txn::LockMore(std::string_view key) {
  for (;;) {
    if (NextKnown(key) != nullptr) return MoreLocks::kLocked;
    const Placement placement = store_.placement();
    const size_t index = PositionOf(key, placement).partition();
    if (IsLocked(index)) return MoreLocks::kLocked;
    const MoreLocks result = LockMorePartition(index);
    if (result != MoreLocks::kLocked || placement == store_.placement()) return result;
    // Nothing else was locked, or the placement could not have changed. The lock that was not needed does no harm.
  }
}

MoreLocks Txn::LockRest() {
  for (size_t i = 0; i < kPartitions; ++i) {
    if (IsLocked(i)) continue;
    const MoreLocks result = LockMorePartition(i);
    if (result != MoreLocks::kLocked) return result;
  }
  holds_all_ = true;
  TellKeptChanges();  // nothing is left to wait for
  return MoreLocks::kLocked;
}

MoreLocks Txn::LockMorePartition(size_t index) NO_THREAD_SAFETY_ANALYSIS {
  Partition& partition = store_.partition(index);
  if (!partition.mutex.TryLockBriefly()) {
    if (any_locked_ && !TakeRight()) return MoreLocks::kMustRestart;
    if (!any_locked_ || !TryLockAgain(partition)) {
      if (any_locked_) HoldForLong();  // so that those who wait for what it holds do not hold what it waits for
      if (!partition.mutex.Lock(false)) {
        HoldForLong();
        return MoreLocks::kHeldForLong;
      }
    }
  }
  NoteLocked(index);
  if (!any_locked_) {
    Begin();
  } else if (hold_ != Hold::kShort) {
    partition.mutex.Mark(hold_);
  }
  return MoreLocks::kLocked;
}

// --- transactions that go on on another thread ----------------------------------------------------------------------

void Txn::GoOnFrom(Txn& from) {
  RINGKV_CHECK(!any_locked_ && !from.is_irrevocable_ && !from.has_begun_changes_);
  if (from.any_locked_) from.HoldForLong();  // before others can see that its thread does something else
  from.ForEachLocked([](Partition& partition) {
    partition.mutex.AssertHeld();
    partition.mutex.PassOn();
  });
  now_ = from.now_;
  no_touch = from.no_touch;
  locked_ = from.locked_;
  any_locked_ = from.any_locked_;
  holds_all_ = from.holds_all_;
  is_recording_ = from.is_recording_;
  leaves_expired_ = from.leaves_expired_;
  stands_for_group_ = from.stands_for_group_;
  depends_on_ = from.depends_on_;
  must_tell_ = std::exchange(from.must_tell_, false);
  lasts_ = std::exchange(from.lasts_, false);
  hold_ = std::exchange(from.hold_, Hold::kShort);
  records_ = std::exchange(from.records_, {});
  new_libraries_ = std::exchange(from.new_libraries_, nullptr);
  new_libraries_were_read_ = std::exchange(from.new_libraries_were_read_, false);
  author_ = from.author_;
  invalidation_ = std::exchange(from.invalidation_, nullptr);
  from.ForgetLocks();
}

}  // namespace ringkv::storage
