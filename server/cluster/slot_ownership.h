// SPDX-License-Identifier: MIT
// What slot migration asks and changes: which slots this node serves, and the ledger of them.
//
// Threads: synchronised.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cluster/migration/slot_ledger.h"
#include "server/cluster/cluster_view.h"
#include "storage/base/lsn.h"
#include "storage/base/result.h"

namespace ringkv::server {

// After an error nothing has changed.
class SlotOwnership {
 public:
  virtual ~SlotOwnership() = default;

  virtual std::shared_ptr<const ClusterView> view() const = 0;
  virtual uint64_t epoch() const = 0;  // of the topology
  virtual cluster::SlotLedger ledger() const = 0;
  // Requests for these slots wait from the next view on.
  virtual void Hold(const cluster::SlotSet& slots) = 0;
  virtual void Release(const cluster::SlotSet& slots) = 0;
  // Records the offer in the ledger; the slots are served here until SendOffer.
  virtual storage::Status PrepareOffer(uint64_t epoch, const cluster::SlotSet& slots, const std::string& shard) = 0;
  virtual void SendOffer(const cluster::SlotSet& slots) = 0;
  // Changes the ledger, which is shown when the change is safe. Fails if `epoch` is not the topology's current epoch;
  // with `flushes`, fails too if the store was flushed more often than this.
  using LedgerChange = cluster::LedgerChange;
  virtual storage::Status Change(uint64_t epoch, const LedgerChange& change, std::optional<uint64_t> flushes) = 0;
  storage::Status Change(uint64_t epoch, const LedgerChange& change) { return Change(epoch, change, std::nullopt); }
  // Shows what is safe of the ledger by now. False if a change is not: other shards are told nothing meanwhile.
  virtual bool IsLedgerSafe() = 0;
  // Whether all up to the group outlives this node, if the configuration promises that (repl-ack).
  virtual bool IsSafe(storage::Lsn last) = 0;
  // On a replica: takes the ledger of the primary. False if none has come, because the primary is of an older version.
  virtual bool TakePrimarysLedger() = 0;
  // Makes this shard the owner of slots whose keys arrived while the store's flush count was `flushes`.
  virtual storage::Status TakeOver(uint64_t epoch, const cluster::SlotSet& slots, uint64_t flushes) = 0;
};

}  // namespace ringkv::server
