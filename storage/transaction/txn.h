// SPDX-License-Identifier: MIT
// The only way to read and change the data: locks the partitions of a set of keys, finds, and does effects.
//
//   Txn txn(store, now, random);
//   txn.Lock(keys);                       // all at once, ascending: no deadlock
//   Place place = txn.Find(db, key, Intent::kWrite);
//   txn.Do(place, StringPut{value}, events::kSet);  // applied and announced
//   txn.Unlock();
//
// Expired keys are never seen: `Find` erases them.
//
// What is done between locking and unlocking is one group in the log: after a crash all of it is there, or none.
//
// Threads: confined; a Txn belongs to the thread that runs the command.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/check.h"
#include "storage/base/key_slot.h"
#include "storage/effects/effect_list.h"
#include "storage/effects/outcome.h"
#include "storage/keyspace/store.h"
#include "storage/transaction/place.h"
#include "storage/types/collection.h"

namespace ringkv::storage {

enum class Intent : uint8_t {
  kRead,   // counts as a use and as a hit or miss
  kWrite,  // counts as a use
  kPeek,   // counts as a hit or miss, not as a use
  kCheck,  // leaves no trace
  kErase,  // likewise, and finds also what has expired
};

class Txn {
 public:
  // `store` and `random` must outlive the transaction.
  Txn(Store& store, UnixMs now, Random& random) : store_(store), random_(random), now_(now) {}
  ~Txn() { Unlock(); }
  Txn(const Txn&) = delete;
  Txn& operator=(const Txn&) = delete;

  UnixMs now() const { return now_; }
  void set_now(UnixMs now) { now_ = now; }
  Store& store() { return store_; }
  Random& random() { return random_; }

  // A transaction locks once; what it locks is the partitions of the keys, whatever the database. The text of the keys
  // must stay where it is until Unlock.
  void LockKey(std::string_view key);
  void AddKey(std::string_view key);  // collect, then LockAdded
  void LockAdded();
  void LockAll();
  // For background work, which goes from partition to partition.
  void LockPartition(size_t index);
  void Unlock();
  bool holds_all() const { return holds_all_; }
  bool holds_any() const { return any_locked_; }

  // The last logged group that what this transaction has seen or done since `ForgetDependence` may depend on: whoever
  // must not be shown what a crash could take back waits until that one is durable.
  Lsn depends_on() const { return depends_on_; }
  void DependOn(Lsn lsn) { depends_on_ = std::max(depends_on_, lsn); }
  void ForgetDependence() { depends_on_ = 0; }
  // For recovery: keys whose time is over stay until an effect says otherwise.
  void set_keeps_expired(bool keeps) { keeps_expired_ = keeps; }
  // Whether finds and visits take the entry for gone.
  bool IsExpired(const Entry& entry) const { return !keeps_expired_ && entry.IsExpired(now_); }
  // For what moves keys: visits yield keys of foreign slots too.
  void set_shows_foreign(bool shows) { shows_foreign_ = shows; }
  bool shows_foreign() const { return shows_foreign_; }
  // For what brings data that others have changed, from a file or another node: subscribers are told nothing.
  void set_is_silent(bool is_silent) { is_silent_ = is_silent; }

  // Bring the memory of a key near that will be looked up soon. Both take the partition's lock for a moment, so the
  // transaction must not hold any; they change nothing. Call the first for several keys, then the second for the same.
  Position PrefetchBucket(DbIndex db, std::string_view key);
  void PrefetchEntry(DbIndex db, Position position);
  // The position that PrefetchBucket computed, so that LockKey of the same key need not do so again.
  void LockKey(std::string_view key, Position position);

  // The key must be one of those locked.
  Place Find(DbIndex db, std::string_view key, Intent intent);
  bool no_touch = false;  // CLIENT NO-TOUCH: finds don't count as a use

  // Each effect leaves `place` where the key now is (or would be). `event` is what subscribers are told of it, unless
  // nothing has changed; that the key is new, or that nothing is left of it, they are told besides.
  void Do(Place& place, const StringPut& effect, const KeyEvent& event);
  void Do(Place& place, const StringPatch& effect, const KeyEvent& event);
  void Do(Place& place, const CollectionPut& effect, const KeyEvent& event);
  // The key must be missing, or hold a collection of that type. What changes nothing is no effect. No text of the
  // effect may point into the value, unless it names what is erased.
  Outcome Do(Place& place, const CollectionChange& change, const KeyEvent& event);
  void Do(Place& place, const ExpirySet& effect, const KeyEvent& event);
  void Do(Place& place, const Erase& effect, const KeyEvent& event);
  // StringPut of so many bytes, more than none, that `make` writes to where they will stand. `reads_old`: what stands
  // there now is read meanwhile.
  using StringMaker = std::function<void(char* to)>;
  void MakeString(Place& place, size_t bytes, bool reads_old, const StringMaker& make, const KeyEvent& event);
  // A value that was taken from somewhere as a whole takes the place of what is there.
  void PutCopy(Place& place, const ValueCopy& copy, const KeyEvent& event);
  // A string counts as patched though none of its bytes has changed; no effect, and not logged. The key must be there.
  void NotePatched(Place& place);
  // What the entry remembers of its use; no effect, and not logged. The key must be there.
  void SetAccess(Place& place, uint32_t access);
  // That a consumer of a stream asked for something; likewise no effect. Both must be there.
  void NoteConsumerSeen(const Place& place, std::string_view group, std::string_view consumer);
  // Moves the entry under another name, database or both; what stood there goes. Both keys must be locked.
  void Rename(Place& from, DbIndex to_db, std::string_view to_key, const RenameEvents& told);
  // Tells subscribers of what is no effect of its own.
  void Tell(const Place& place, const KeyEvent& event);
  // Counts as a change where nothing has changed, for commands that Redis takes so.
  void Touch(const Place& place, const KeyEvent& event) { Announce(place, event); }
  // Events go to this list, which must live until another one, or none, takes its place; without a list the store's
  // observer is told of each at once. Returns the list before.
  KeyEventList* CollectEvents(KeyEventList* events) { return std::exchange(events_, events); }
  // In a placement by slot: keys of these slots may be here, on their way in or out, but nobody is shown them: no walk,
  // search or sample yields them, and they are neither expired nor evicted from here. Needs LockAll.
  void SetForeignSlots(const std::bitset<kSlots>& slots);
  // These need LockAll.
  void FlushDatabase(DbIndex db);
  void SwapDatabases(DbIndex a, DbIndex b);

  // Another data set takes this one's place: no key is left, positions come from `seed` from now on. Not recorded.
  void Replace(uint64_t seed);
  // For who applies what another store has recorded: the group that is locked stands for these effects, whatever
  // changes here.
  void RecordGroup(std::string_view effects);

 private:
  static constexpr size_t kWords = kPartitions / 64;

  void LockPosition(std::string_view key, Position position);
  // Whether what this transaction does is to be logged; known once it holds a lock.
  void NoteRecording() {
    is_recording_ = store_.log().is_recording() && store_.authority() == Authority::kOwner;
    stands_for_group_ = false;
  }
  // Whether the effect that is being done is to be encoded. If nobody records it, that is noted.
  bool MustRecord() {
    if (!is_recording_ && !stands_for_group_) store_.log().NoteUnrecorded();
    return is_recording_;
  }
  Position PositionOfKey(std::string_view key);
  template <typename Effect>
  void Record(const Place& place, const Effect& effect);
  // Gives what was recorded its LSN. The partitions that it changed are still locked.
  void Commit();
  // The locks are free again: tells the observer if it has asked for that.
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
  void Announce(const Place& place, const KeyEvent& event, KeyChange change = KeyChange::kValue);
  size_t OldSize(const Entry& entry) const;
  // The place's entry was of this size before what has just been done.
  void NoteOldSize(const Place& place, size_t bytes);
  Table& TableFor(const Place& place);
  // To be called when the place's table has got a key or lost one, or its expiry.
  void NoteOccupancy(const Place& place);
  bool Stands(DbIndex db, std::string_view key);  // in the table, expired or not
  // The place with its cell looked up again if others have moved it.
  Place Fresh(const Place& place);
  Place Put(const Place& place, MutableEntry* entry);
  // Makes an entry the key's, whatever it held before.
  void RecordValue(const Place& place);
  template <CollectionEffect Effect>
  Outcome ChangeCollection(Place& place, const Effect& effect, const KeyEvent& event);
  void DropTables(DbIndex db);
  void Overwrite(Place& place, MutableEntry* entry);
  void FreeEntry(MutableEntry* entry);
  MutableEntry* Take(Place& place);
  // Puts another entry of the same key into the place's cell.
  void Swap(Place& place, UnixMs old_expiry, MutableEntry* entry);

  Store& store_;
  Random& random_;
  UnixMs now_;
  std::array<uint64_t, kWords> locked_{};
  bool any_locked_ = false;
  bool holds_all_ = false;
  bool keeps_expired_ = false;
  bool shows_foreign_ = false;
  bool is_silent_ = false;
  bool is_recording_ = false;      // somebody wants the effects of this group
  bool stands_for_group_ = false;  // and they are known: see RecordGroup
  bool must_tell_ = false;         // the observer, when the locks are free
  std::string records_;            // the effects of the group, encoded
  Lsn depends_on_ = 0;
  KeyEventList* events_ = nullptr;
  // The positions that were computed for locking. Find takes them again, since it mostly looks for those keys, in the
  // order in which they were locked.
  struct Known {
    std::string_view key;
    Position position;
  };
  Known known_;
  std::vector<Known> many_known_;
  size_t next_known_ = 0;
  Placement prefetched_;  // what the positions of PrefetchBucket were computed with
};

}  // namespace ringkv::storage
