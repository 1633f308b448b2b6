// SPDX-License-Identifier: MIT
// A node's copy of the ledger of its shard: which one it acts by, and in which order a change of it reaches the node's
// file, the shard's log and a majority of the shard (docs/decisions/046-the-ledger-travels-with-the-data.md).
//
// Threads: guarded by its owner.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "cluster/migration/slot_ledger.h"
#include "storage/base/lsn.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

// What a node's ledger is kept by.
class LedgerKeeper {
 public:
  // The node's file.
  virtual storage::Status Write(const SlotLedger& ledger) = 0;
  // The shard's log: returns the group. None, and no change, if the node's store was flushed more often than `flushes`,
  // or the node is the primary no more.
  virtual std::optional<storage::Lsn> Append(const SlotLedger& ledger, std::optional<uint64_t> flushes) = 0;
  virtual storage::Lsn appended() = 0;
  // Whether all up to the group outlives this node, as far as the configuration promises that.
  virtual bool IsSafe(storage::Lsn last) = 0;
  // The node acts by it from now on.
  virtual void Show(const SlotLedger& ledger) = 0;

 protected:
  ~LedgerKeeper() = default;
};

class KeptLedger {
 public:
  // `keeper` must outlive the object.
  explicit KeptLedger(LedgerKeeper& keeper) : keeper_(keeper) {}

  // That of the file, before the data is there. Does not show it.
  void Open(SlotLedger ledger) { written_ = std::move(ledger); }
  // The node's role changes: what it knows may not be the last word of the shard, until one of the next two is called.
  void Await() { leads_ = false; }
  // The node is the primary of its shard, at this epoch: it acts by the newer one of its own ledger and that in its
  // data, which is `of_data`; none: there is none. The shard gets what it lacks. An error: the file could not be
  // written, or the shard not be given it: then the node does not lead.
  storage::Status Lead(uint64_t epoch, std::optional<SlotLedger> of_data);
  // The node is a replica, and this is the ledger of its primary.
  storage::Status Follow(SlotLedger of_data);
  // The node acts by the change once it is safe: that may be later. After an error nothing has changed.
  storage::Status Change(uint64_t epoch, const LedgerChange& change, std::optional<uint64_t> flushes);
  // Shows what is safe by now. False if a change is not, or the node does not lead: then it says nothing of its slots
  // to other shards.
  bool Settle();
  bool is_safe() const { return leads_ && !open_; }
  bool leads() const { return leads_; }

 private:
  LedgerKeeper& keeper_;
  SlotLedger written_;
  bool leads_ = false;
  std::optional<storage::Lsn> open_;  // the group of what is not known to be safe
  bool is_shown_ = true;              // what was written last
};

}  // namespace ringkv::cluster
