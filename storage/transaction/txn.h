// SPDX-License-Identifier: MIT
// A transaction, the only way to read and change the data: locks the partitions of its keys, finds keys, applies
// effects.
//
//   Txn txn(store, now, random);
//   txn.Lock(keys);                       // all at once, ascending: no deadlock
//   Place place = txn.Find(db, key, Intent::kWrite);
//   txn.Do(place, StringPut{value}, events::kSet);  // applied and announced
//   txn.Unlock();
//
// Expired keys are never seen: `Find` erases them, or hides them where the store follows another one.
//
// All effects between locking and unlocking are one group in the log, which is atomic across a crash.
//
// Threads: confined; a Txn belongs to the thread that runs the command.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/check.h"
#include "storage/base/key_slot.h"
#include "storage/effects/effect_list.h"
#include "storage/effects/effect_result.h"
#include "storage/keyspace/store.h"
#include "storage/transaction/place.h"
#include "storage/types/collection.h"

namespace ringkv::storage {

enum class Intent : uint8_t {
  kRead,   // counts as a use and as a hit or miss
  kWrite,  // counts as a use
  kPeek,   // counts as a hit or miss, not as a use
  kLook,   // likewise, and a miss is told to nobody
  kCheck,  // leaves no trace
  kErase,  // likewise, and finds also what has expired
};

class NewSet;
class Undo;

// What became of a wish for more locks while others are held.
enum class MoreLocks : uint8_t {
  kLocked,
  kHeldForLong,  // nothing has changed: let others run, then ask again
  kMustRestart,  // waiting could be a deadlock: Rollback, and begin again irrevocably
};

class Txn {
 public:
  // `store` and `random` must outlive the transaction.
  Txn(Store& store, UnixMs now, Random& random);
  ~Txn();
  Txn(const Txn&) = delete;
  Txn& operator=(const Txn&) = delete;

  UnixMs now() const { return now_; }
  void set_now(UnixMs now) { now_ = now; }
  Store& store() { return store_; }
  Random& random() { return random_; }

  // A transaction locks once: the partitions of its keys, in any database. The text of the keys must stay valid until
  // Unlock. False, if the caller does not wait for it, when a partition is held for long: then nothing is locked, and
  // nothing added any more. Threads that serve clients never wait for that.
  bool LockKey(std::string_view key, bool waits_for_long = true);
  void AddKey(std::string_view key);  // collect, then LockAdded
  bool has_added() const { return !many_known_.empty(); }
  bool LockAdded(bool waits_for_long = true);
  bool LockAll(bool waits_for_long = true);
  // For background work that visits one partition after the other.
  bool LockPartition(size_t index, bool waits_for_long = true);
  void Unlock();
  bool holds_all() const { return holds_all_; }
  bool holds_any() const { return any_locked_; }
  bool HoldsPartition(size_t index) const { return any_locked_ && IsLocked(index); }
  bool Holds(std::string_view key) { return any_locked_ && IsLocked(PositionOfKey(key).partition()); }
  // For threads that serve clients: walks, samples and sums leave out partitions that are held for long, and note it.
  void set_skips_held(bool skips) { skips_held_ = skips; }
  bool skips_held() const { return skips_held_; }
  void NoteSkipped() { has_skipped_ = true; }
  bool has_skipped() const { return has_skipped_; }
  bool TakeSkipped() { return std::exchange(has_skipped_, false); }

  // --- transactions that last, or learn their keys as they go: docs/decisions/034-keys-that-were-not-declared.md ---
  // The partitions that it holds, and those that it locks from now on, are held for long until Unlock. Needed before
  // the thread does anything else while they are locked. `hold`: kLong, later kOverdue. It may hold none. The texts of
  // the keys need not live on.
  void HoldForLong(Hold hold = Hold::kLong);
  Hold hold() const { return hold_; }
  // Its locks are the calling thread's from now on; for the checks of builds with assertions.
  void TakeOver();
  // Before any lock: no other transaction has the right to wait for partitions while it holds others, until Unlock.
  // False if that one is held for long, and the thread serves clients (see set_skips_held); then ask again later.
  [[nodiscard]] bool TryBeginIrrevocable();
  bool is_irrevocable() const { return is_irrevocable_; }
  // Locks one more key, whose text need not live on, or everything that is left.
  MoreLocks LockMore(std::string_view key);
  MoreLocks LockRest();
  // Call before the first change, if more keys may be locked afterwards. It becomes irrevocable if no other is; else
  // what it changes is kept, so that Rollback can undo it.
  void BeginChanges() {
    if (!has_begun_changes_) BeginFirstChange();
  }
  // Likewise, if no more keys will be locked, and nothing undone.
  void BeginLastChanges() { has_begun_changes_ = lasts_ = true; }
  // Before any lock, until Unlock: what it changes is kept even when it is irrevocable, unless that is too much.
  void set_prefers_undo(bool prefers) { prefers_undo_ = prefers; }
  // Whether the key may be changed now, in any database. Not if it was too much to keep: then Rollback, and begin again
  // irrevocably.
  bool MayChange(std::string_view key) { return !is_undoable_ || MayKeep(key); }
  // Whether Rollback is possible: nothing has changed, or what has changed is kept.
  bool MayRollback() const { return !has_begun_changes_ || is_undoable_; }
  // Undoes all changes and unlocks; nobody will have seen them. The caller drops the events that it has collected.
  void Rollback();

  // --- transactions that go on on another thread ---
  // Takes over the locks of `from`, which are held for long from now on, and all that it has done; `from` is then as
  // after Unlock. It must be revocable and may hold no lock. Called by the thread of `from`; the other thread calls
  // TakeOver before anything else.
  void GoOnFrom(Txn& from);
  // What is looked for was found once before in this transaction, which has counted it.
  void set_looks_again(bool looks_again) { looks_again_ = looks_again; }

  // The last logged group that the results of this transaction since `ForgetDependence` may depend on. A reply that
  // must not be lost in a crash waits until that group is durable.
  Lsn depends_on() const { return depends_on_; }
  void DependOn(Lsn lsn) { depends_on_ = std::max(depends_on_, lsn); }
  void ForgetDependence() { depends_on_ = 0; }
  // For recovery and replication: expired keys stay until an effect or a command deletes them.
  void set_keeps_expired(bool keeps) { keeps_expired_ = keeps; }
  bool keeps_expired() const { return keeps_expired_; }
  // Whether a key with this expiry is gone by now.
  bool HasPassed(UnixMs expiry) const { return !keeps_expired_ && expiry != kNoExpiry && expiry <= now_; }
  // Fields of hashes with an expiry up to it are gone by now; kNoExpiry: none is.
  UnixMs hides_fields_until() const { return keeps_expired_ ? kNoExpiry : now_; }
  // Whether finds and visits treat the entry as missing.
  bool IsExpired(const Entry& entry) const { return entry.has_expiry() && HasPassed(entry.expiry()); }
  // For slot migration: visits include keys of foreign slots.
  void set_shows_foreign(bool shows) { shows_foreign_ = shows; }
  bool shows_foreign() const { return shows_foreign_; }
  // For data from files or other nodes: sends no keyspace notifications.
  void set_is_silent(bool is_silent) { is_silent_ = is_silent; }
  // Has the time of the other one, treats keys as it does, and takes positions that it has computed.
  void ActLike(const Txn& other) {
    now_ = other.now_;
    prefetched_ = other.prefetched_;
    keeps_expired_ = other.keeps_expired_;
    shows_foreign_ = other.shows_foreign_;
    is_silent_ = other.is_silent_;
  }

  // Prefetch the memory of keys before their look-up. Both take the partition's lock for a moment, so the transaction
  // must not hold any, and change nothing. Call the second for several keys, then the third for the same keys.
  void BeginPrefetch() { prefetched_ = store_.placement(); }
  Position PrefetchBucket(DbIndex db, std::string_view key);
  // `inserts`: the key is to be inserted where it does not exist.
  void PrefetchEntry(DbIndex db, Position position, bool inserts);
  // `position`: that PrefetchBucket has computed for the key since the last BeginPrefetch, in this transaction or that
  // which it acts like.
  bool LockKey(std::string_view key, Position position, bool waits_for_long = true);

  // The key must be one of those locked.
  Place Find(DbIndex db, std::string_view key, Intent intent);
  bool no_touch = false;  // CLIENT NO-TOUCH: finds don't count as a use

  // Applies an effect and updates `place`. `event`: the keyspace notification, unless nothing has changed;
  // notifications that the key is new, or deleted because it became empty, are sent in addition.
  void Do(Place& place, const StringPut& effect, const KeyEvent& event);
  void Do(Place& place, const StringPatch& effect, const KeyEvent& event);
  void Do(Place& place, const CollectionPut& effect, const KeyEvent& event);
  // The key must be missing or a collection of that type. An effect without a change is not recorded. No text of the
  // effect may point into the value, unless it names what is erased.
  EffectResult Do(Place& place, const CollectionChange& change, const KeyEvent& event);
  void Do(Place& place, const ExpirySet& effect, const KeyEvent& event);
  void Do(Place& place, const Erase& effect, const KeyEvent& event);
  // StringPut of `bytes` > 0 bytes, which `make` writes in place. `reads_old`: `make` reads the old value
  // meanwhile.
  using StringMaker = std::function<void(char* to)>;
  void MakeString(Place& place, size_t bytes, bool reads_old, const StringMaker& make, const KeyEvent& event);
  // CollectionPut of a set that was built with the name of this key, which is taken as it is.
  void PutSet(Place& place, NewSet& set, const KeyEvent& event);
  // Replaces the value by a complete one, as from RESTORE.
  void PutCopy(Place& place, const ValueCopy& copy, const KeyEvent& event);
  // Marks a string as patched without a change of its bytes; not an effect, and not logged. The key must exist.
  void NotePatched(Place& place);
  // Sets the access bits of an entry; not an effect, and not logged. The key must exist.
  void SetAccess(Place& place, uint32_t access);
  // Notes the activity of a stream's consumer; not an effect. Both must exist.
  // `is_active`: and that it has made entries its own.
  void NoteConsumerSeen(const Place& place, std::string_view group, std::string_view consumer, bool is_active);
  // Moves the entry to another name, database or both, and replaces a key there. Both keys must be locked.
  void Rename(Place& from, DbIndex to_db, std::string_view to_key, const RenameEvents& told);
  // Sends a notification without an effect.
  void Tell(const Place& place, const KeyEvent& event);
  // The clients that keep copies of keys: docs/decisions/048-invalidations.md. This one has read the key, which is
  // locked, and is to hear of its next change.
  void Remember(std::string_view key, TrackerId tracker);
  // Whose changes these are, if he wants to hear nothing of them; 0: anybody else's. Until Unlock.
  void set_author(uint64_t author) { author_ = author; }
  // For background work that holds the partition: as if keys which chance picks had changed; returns how many.
  size_t InvalidateAny(size_t partition, size_t most);
  // Forgets clients that are gone.
  void ForgetTrackers(size_t partition, const std::function<bool(TrackerId tracker)>& is_gone);
  // Counts as a change without one, for commands that Redis counts so.
  void Touch(const Place& place, const KeyEvent& event) {
    KeepForUndo(place);
    Announce(place, event);
  }
  // Collects events in this list, which must live until it is replaced; without a list the store's observer gets each
  // event at once. Returns the previous list.
  KeyEventList* CollectEvents(KeyEventList* events) { return std::exchange(events_, events); }
  // In a placement by slot: hides the keys of these slots, which are migrating in or out: no walk, search or sample
  // yields them, and they are neither expired nor evicted here. Needs LockAll.
  void SetForeignSlots(const std::bitset<kSlots>& slots);
  // These need LockAll.
  void FlushDatabase(DbIndex db);
  void SwapDatabases(DbIndex a, DbIndex b);
  void Do(const LibraryPut& effect);
  void Do(const LibraryErase& effect);
  void Do(const LibrariesFlush& effect);
  void Do(const LedgerPut& effect);
  // The libraries of functions, with the changes of this transaction, whose results depend on them from now on. Needs
  // no lock.
  std::shared_ptr<const LibrarySet> ReadLibraries();
  bool has_changed_libraries() const { return new_libraries_ != nullptr; }

  // Replaces the data set: deletes all keys and uses positions from `seed` from now on. Not recorded.
  void Replace(uint64_t seed);
  // For replay of another store's groups: records these effects as the current group, independent of the changes
  // here.
  void RecordGroup(std::string_view effects);

 private:
  static constexpr size_t kWords = kPartitions / 64;

  bool LockPosition(std::string_view key, Position position, bool waits_for_long);
  // Takes the noted locks, or none, and returns the partition that is held for long.
  Partition* LockAscending();
  MoreLocks LockMorePartition(size_t index);
  void NoteLocked(size_t partition) { locked_[partition / 64] |= uint64_t{1} << (partition % 64); }
  // Unlocks what it has just locked, and changed nothing under. It stays irrevocable if it is.
  void LetGo();
  void ForgetLocks();
  void ForgetTexts();
  // As HoldForLong, but the keys that were added are still to be locked.
  void BeginLongHold(Hold hold);
  // Becomes irrevocable if no other transaction is.
  bool TakeRight();
  // Likewise, unless it was another one's lately.
  bool TakeRightIfIdle();
  // It has the right to wait.
  void BecomeIrrevocable();
  void MarkLocks();
  void MarkRight();
  void EndLasting();
  void KeepForUndo(const Place& place) {
    if (is_undoable_) [[unlikely]]
      Keep(place);
  }
  void BeginFirstChange();
  // Whether Keep may follow, or is not needed any more.
  bool MayKeep(std::string_view key);
  void Keep(const Place& place);
  // Puts what was kept in the key's place; null: nothing stood there.
  void Restore(DbIndex db, std::string_view key, MutableEntry* before);
  void Observe(DbIndex db, std::string_view key, KeyChange change);
  // Notes a change of the key for the clients that keep copies.
  void Invalidate(std::string_view key, KeyChange change);
  void InvalidateAll();
  // These slots leave.
  void InvalidateSlots(Partition& partition, uint64_t slots);
  void TellInvalidation();
  Invalidation& invalidation();
  // What is kept will not be undone any more.
  void TellKeptChanges();
  // With the first lock, when it is known whether this transaction is recorded.
  void Begin();
  // Whether the current effect must be encoded. Otherwise notes an unrecorded change.
  bool MustRecord() {
    if (!is_recording_ && !stands_for_group_) store_.log().NoteUnrecorded();
    return is_recording_;
  }
  struct Known;
  // Of a key that was locked; null if it isn't the next one expected.
  const Known* NextKnown(std::string_view key);
  Position PositionOfKey(std::string_view key);
  template <typename Effect>
  void Record(const Place& place, const Effect& effect);
  // Appends the recorded group, which assigns its LSN. The changed partitions are still locked.
  void Commit();
  // The locks are released: calls the observer's Unlocked if requested.
  void TellUnlocked();
  template <typename Function>
  void ForEachLocked(Function&& function) {
    for (size_t word = 0; word < kWords; ++word) {
      for (uint64_t bits = locked_[word]; bits != 0; bits &= bits - 1) {
        function(store_.partition(word * 64 + static_cast<size_t>(std::countr_zero(bits))));
      }
    }
  }
  bool IsLocked(size_t partition) const { return (locked_[partition / 64] >> (partition % 64) & 1) != 0; }
  // The first locked partition from this one on; kPartitions: there is none.
  size_t NextLocked(size_t partition) const {
    for (; partition < kPartitions; partition = (partition / 64 + 1) * 64) {
      const uint64_t bits = locked_[partition / 64] >> (partition % 64);
      if (bits != 0) return partition + static_cast<size_t>(std::countr_zero(bits));
    }
    return kPartitions;
  }
  // Counts a key, or a field, that has expired.
  void NoteExpired(const Place& place, bool is_field);
  void Announce(const Place& place, const KeyEvent& event, KeyChange change = KeyChange::kValue);
  // Likewise, of a change that is nobody's own, as an expiry: its author hears of it, too.
  void AnnounceAsNobodys(const Place& place, const KeyEvent& event, KeyChange change = KeyChange::kValue);
  size_t OldSize(const Entry& entry) const;
  // Updates statistics; the place's entry had this size before the effect.
  void NoteOldSize(const Place& place, size_t bytes);
  Table& TableFor(const Place& place);
  // Call when the place's table has got or lost a key or an expiry.
  void NoteOccupancy(const Place& place);
  // Whether a write may meet an expired key that reads leave where it is, and replaces it.
  bool WritesOverHidden() const {
    const Authority authority = store_.authority();
    return authority == Authority::kWritableFollower || (authority == Authority::kOwner && leaves_expired_);
  }
  // What stands in the table, expired or not.
  Place LookUp(DbIndex db, std::string_view key, Position position);
  Place LookUp(DbIndex db, std::string_view key) { return LookUp(db, key, PositionOf(key, store_.placement())); }
  // The place, with its cell looked up again if it has moved.
  Place Fresh(const Place& place);
  Place Put(const Place& place, MutableEntry* entry);
  // Makes an entry the key's, replacing an existing one.
  void RecordValue(const Place& place);
  template <CollectionEffect Effect>
  EffectResult ChangeCollection(Place& place, const Effect& effect, const KeyEvent& event);
  void EraseHidden(const Place& place);
  void DropTables(DbIndex db);
  // As ReadLibraries, for a look that ends before the next change.
  std::shared_ptr<const LibrarySet> LookAtLibraries();
  // The set of this transaction, which it may change. Copied from the others' set, or if somebody has read it.
  LibrarySet& ChangeableLibraries();
  template <LibraryEffect Effect>
  void NoteLibraryChange(const Effect& effect);
  // Shows the changed libraries to others; `lsn`: of the group, 0 if it has none.
  void PublishLibraries(Lsn lsn);
  void Overwrite(Place& place, MutableEntry* entry);
  void FreeEntry(MutableEntry* entry);
  MutableEntry* Take(Place& place);
  // Replaces the entry in the place's cell by another one of the same key.
  void Swap(Place& place, const Expiries& before, MutableEntry* entry);

  Store& store_;
  Random& random_;
  UnixMs now_;
  std::array<uint64_t, kWords> locked_{};
  bool any_locked_ = false;
  bool holds_all_ = false;
  bool keeps_expired_ = false;
  bool shows_foreign_ = false;
  bool is_silent_ = false;
  bool is_recording_ = false;      // the effects of this group are recorded
  bool leaves_expired_ = false;    // as the store, when the locks were taken
  bool stands_for_group_ = false;  // and they are known: see RecordGroup
  bool must_tell_ = false;         // the observer, when the locks are free
  bool skips_held_ = false;
  bool has_skipped_ = false;
  bool looks_again_ = false;
  bool lasts_ = false;              // one of the following is set
  bool is_irrevocable_ = false;     // it has the right to wait for partitions while it holds others
  bool has_begun_changes_ = false;  // see BeginChanges
  bool prefers_undo_ = false;
  bool is_undoable_ = false;     // and they are kept in undo_
  uint32_t left_to_others_ = 0;  // how many transactions don't ask for the right to wait
  Hold hold_ = Hold::kShort;     // of the partitions
  std::string records_;          // the effects of the group, encoded
  Lsn depends_on_ = 0;
  KeyEventList* events_ = nullptr;
  uint64_t author_ = 0;
  std::unique_ptr<Invalidation> invalidation_;  // null: nothing that clients keep has changed
  std::unique_ptr<Undo> undo_;                  // made when it is needed first
  std::shared_ptr<LibrarySet> new_libraries_;   // null: unchanged
  bool new_libraries_were_read_ = false;        // who has read them may have kept them
  // The positions computed for locking. Find uses them again, because it mostly looks for those keys in the order of
  // locking.
  struct Known {
    std::string_view key;
    Position position;

    // The text of the key is the caller's and unchanged: the same address needs no comparison.
    bool Is(std::string_view other) const {
      return key.data() != nullptr && key.size() == other.size() && (key.data() == other.data() || key == other);
    }
  };
  Known known_;
  std::vector<Known> many_known_;
  size_t next_known_ = 0;
  Placement prefetched_;  // of all positions since BeginPrefetch, even if the store's has changed meanwhile
};

}  // namespace ringkv::storage
