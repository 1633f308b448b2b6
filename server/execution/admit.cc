// SPDX-License-Identifier: MIT
// What the state of the server, or of the client, refuses, in the order in which Redis asks.
#include <algorithm>
#include <optional>
#include <string>

#include "server/command/error_replies.h"
#include "server/command/key_positions.h"
#include "server/execution/hand_over.h"
#include "server/execution/stages.h"
#include "server/replication/replication.h"

namespace ringkv::server {
namespace {

using storage::Eviction;

// What the request would do to memory: EXEC does what was queued.
bool DeniedWhenOutOfMemory(const Execution& execution) {
  const TransactionQueue& queue = execution.session().queue;
  if (execution.row().Is(kDenyOom)) return true;
  if (!queue.is_open()) return false;
  if (execution.runs_queued()) {
    return std::any_of(queue.commands().begin(), queue.commands().end(),
                       [](const auto& queued) { return queued.command->row->Is(kDenyOom); });
  }
  return !execution.row().Has(kEndsMulti);
}

// Evicts until memory is below its limit. False if that can't be done.
bool MakeRoom(const Execution& execution) {
  constexpr uint64_t kMostMicroseconds = 500;  // then this request goes on, and the next one evicts further
  ThreadState& thread = execution.thread();
  const Eviction outcome = execution.parts().memory.MakeRoom(thread.txn, thread.evictor, kMostMicroseconds);
  if (outcome == Eviction::kOutOfTime) thread.statistics.evictions_out_of_time.Add(1);
  return outcome != Eviction::kNothingToEvict;
}

// Of EXEC: whether what was queued needs it.
bool NeedsNow(const Execution& execution, uint32_t need) {
  return !execution.runs_queued() || (execution.session().queue.needs() & need) != 0;
}

bool MayWrite(const Command& row) { return row.Is(kWrite) || (row.Has(kRunsScript) && !row.Is(kReadOnly)); }

bool WritesNow(const Execution& execution) {
  return execution.row().Is(kWrite) || (execution.runs_queued() && NeedsNow(execution, kNeedsWritable));
}

// Exact, where the unmet needs may still show a pause that has expired.
bool IsPausedNow(const ExecutionParts& parts, bool writes) {
  const PauseMode mode = parts.pause.Current();
  return mode == PauseMode::kAll || (mode == PauseMode::kWrites && writes);
}

// What is only queued now EXEC will do.
bool WritesToFencedKey(const Execution& execution) {
  KeyFence& fence = execution.parts().key_fence;
  const TransactionQueue& queue = execution.session().queue;
  if (!queue.is_open()) return WritesToFencedKey(fence, execution.row(), execution.argv());
  const auto& queued = queue.commands();
  return execution.runs_queued() &&
         std::any_of(queued.begin(), queued.end(), [&](const TransactionQueue::Queued& each) {
           return WritesToFencedKey(fence, *each.command->row, each.argv);
         });
}

// Whether it writes, or may do so: of a script nobody knows beforehand.
bool MayWrite(const Execution& execution) {
  return MayWrite(execution.row()) || (execution.runs_queued() && NeedsNow(execution, kNeedsNoWritePause));
}

// Administrative commands may lock any data, some of them beside their own transaction (CONFIG SET, SAVE, CLUSTER).
bool MayLockAny(const Command& row, std::span<const std::string_view> argv) {
  return row.scope != Scope::kNothing || row.NeedsEverything(argv) || (row.Is(kAdmin) && row.run.admin != nullptr);
}

// The longest hold on data that requests lock, by others than this transaction.
class LongestHold {
 public:
  explicit LongestHold(storage::Txn& txn) : txn_(txn), store_(txn.store()) {}
  void AddKey(std::string_view key) { AddPartition(PositionOf(key, store_.placement()).partition()); }
  void Add(const Command& row, std::span<const std::string_view> argv) {
    if (MayLockAny(row, argv)) {
      for (size_t i = 0; i < storage::kPartitions; ++i) AddPartition(i);
    } else {
      ForEachKey(row, argv, [this](std::string_view key) { AddKey(key); });
    }
  }
  storage::Hold hold() const { return hold_; }

 private:
  void AddPartition(size_t index) {
    if (!txn_.HoldsPartition(index)) hold_ = std::max(hold_, store_.partition(index).mutex.hold());
  }

  storage::Txn& txn_;
  storage::Store& store_;
  storage::Hold hold_ = storage::Hold::kShort;
};

// Of a request that others' locks do not keep back: whether somebody who needs all keys has waited for too long.
bool GivesWay(const Execution& execution) {
  const ExecutionParts& parts = execution.parts();
  return execution.takes_turns() &&
         (parts.data.store().long_holds().has_starving() || parts.long_holds.HasStarvingWalk(parts.clock.SteadyMs()));
}

bool PostponeForHold(Execution& execution) {
  const ExecutionParts& parts = execution.parts();
  if (LocksAny(execution)) parts.long_holds.NoteWalkWaits(parts.clock.SteadyMs());
  return execution.Postpone();
}

// A client that follows redirects is sent to the primary, but for what it may read here. Nodes of a cluster send it
// there by slots.
bool IsRedirected(const Execution& execution, bool writes) {
  const ExecutionParts& parts = execution.parts();
  return parts.replication.is_replica() && !parts.cluster.is_enabled() && NeedsNow(execution, kNeedsPrimary) &&
         (writes || !execution.session().reads_from_replica);
}

bool Redirect(Execution& execution) {
  const PrimaryAddress primary = execution.parts().replication.link().target();
  return Refuse(execution, "REDIRECT " + primary.host + ":" + std::to_string(primary.port));
}

bool RefuseAsBusy(Execution& execution) { return Refuse(execution, BusyError(execution.parts())); }

}  // namespace

bool LocksAny(const Execution& execution) {
  if (MayLockAny(execution.row(), execution.argv())) return true;
  const auto& queued = execution.session().queue.commands();
  return execution.runs_queued() && std::any_of(queued.begin(), queued.end(), [](const auto& each) {
           return MayLockAny(*each.command->row, each.argv);
         });
}

std::string DescribeDiskFailure(const ExecutionParts& parts) {
  const std::string log_failure = parts.data.durability().log().failure();
  return log_failure.empty() ? std::string(errors::kSnapshotFailed) : std::string(errors::kLogFailed) + log_failure;
}

std::string_view BusyError(const ExecutionParts& parts) {
  return parts.long_holds.busy_with() == BusyWith::kFunction ? errors::kBusyWithFunction : errors::kBusyWithScript;
}

storage::Hold HoldOn(const Execution& execution) {
  const Session& session = execution.session();
  const TransactionQueue& queue = session.queue;
  if (execution.thread().is_overdue) return storage::Hold::kOverdue;
  LongestHold longest(execution.thread().txn);
  if (!queue.is_open() || execution.row().Has(kRunsInMulti)) longest.Add(execution.row(), execution.argv());
  if (execution.runs_queued()) {
    for (const auto& queued : queue.commands()) longest.Add(*queued.command->row, queued.argv);
    for (const auto& [key, watcher] : session.watch.keys) longest.AddKey(key->key);
  }
  return longest.hold();
}

storage::Hold HoldOn(storage::Txn& txn, const Command& row, std::span<const std::string_view> argv) {
  LongestHold longest(txn);
  longest.Add(row, argv);
  return longest.hold();
}

bool WritesToFencedKey(KeyFence& fence, const Command& row, std::span<const std::string_view> argv) {
  if (!MayWrite(row)) return false;
  if (row.scope == Scope::kEverything) return true;
  return fence.HoldsOneOf([&](const auto& visit) { ForEachKey(row, argv, visit); });
}

bool Admit(Execution& execution) {
  const ExecutionParts& parts = execution.parts();
  const bool writes = WritesNow(execution);
  const auto lacks = [unmet = execution.unmet](uint32_t need) { return (unmet & need) != 0; };
  if (lacks(kNeedsNoHandOver)) {
    if (const std::optional<bool> goes_on = FollowHandOver(execution)) return *goes_on;
  }
  if (lacks(kNeedsOwnConnection)) return Refuse(execution, errors::kRelayed);
  if (lacks(kNeedsPrimary) && IsRedirected(execution, writes)) return Redirect(execution);
  const storage::Hold hold = lacks(kNeedsNoLongHold) ? HoldOn(execution) : storage::Hold::kShort;
  const bool makes_room = lacks(kNeedsMemoryChecked) && hold == storage::Hold::kShort;
  execution.is_out_of_memory = makes_room && !MakeRoom(execution);
  if (execution.is_out_of_memory && DeniedWhenOutOfMemory(execution)) return Refuse(execution, errors::kOutOfMemory);
  const bool asks_for_disk = writes || (execution.row().needs & kNeedsHealthyDisk) != 0;
  if (lacks(kNeedsHealthyDisk) && asks_for_disk) return Refuse(execution, DescribeDiskFailure(parts));
  if (lacks(kNeedsReplicas) && writes) return Refuse(execution, errors::kNoReplicas);
  const bool needs_role = lacks(kNeedsWritable) && writes;
  if (needs_role && !parts.replication.WillBeWritable()) {
    // A node of a cluster that is not shown as a replica yet.
    const bool is_deposed = parts.cluster.is_enabled() && lacks(kNeedsLease);
    return Refuse(execution, is_deposed ? errors::kNoLease : errors::kReadOnly);
  }
  if (!PermitForSubscriber(execution)) return false;
  if (lacks(kNeedsFreshData) && NeedsNow(execution, kNeedsFreshData)) return Refuse(execution, errors::kMasterDown);
  if (lacks(kNeedsLease) && NeedsNow(execution, kNeedsLease)) return Refuse(execution, errors::kNoLease);
  const bool runs_while_loading = parts.data.is_replacing() && execution.row().Has(kRunsWhileReplacing);
  if (lacks(kNeedsLoaded) && !runs_while_loading && NeedsNow(execution, kNeedsLoaded)) {
    return Refuse(execution, errors::kLoading);
  }
  if (hold == storage::Hold::kOverdue) return RefuseAsBusy(execution);
  if (!PermitForMonitor(execution)) return false;
  if (hold == storage::Hold::kLong) return PostponeForHold(execution);
  if (lacks(kNeedsNoLongHold) && GivesWay(execution)) return execution.Postpone();
  const bool may_write = MayWrite(execution);
  const bool may_be_paused = lacks(kNeedsNoPause) || (lacks(kNeedsNoWritePause) && may_write);
  const bool is_blocked = needs_role || (lacks(kNeedsLogRoom) && may_write) ||
                          (lacks(kNeedsNoFence) && WritesToFencedKey(execution)) ||
                          (may_be_paused && IsPausedNow(parts, may_write));
  return !is_blocked || execution.Postpone({.is_blocked = true});
}

bool Reject(Execution& execution, std::string_view error) {
  ThreadStatistics& statistics = execution.thread().statistics;
  Session& session = execution.session();
  execution.reply().Error(error);
  session.is_asking = false;  // it was for this request
  if (execution.runs_queued()) {
    session.queue.Close();
    session.UnwatchAll();
  } else {
    session.queue.MarkFailed();
  }
  if (execution.entry != nullptr) statistics.per_command[execution.entry->index].rejected.Add(1);
  statistics.CountError(execution.reply().last_error_code());
  return false;
}

bool Refuse(Execution& execution, std::string_view error) {
  if (!execution.runs_queued()) return Reject(execution, error);
  if (error.starts_with("ERR ")) error.remove_prefix(4);
  return Reject(execution, std::string(errors::kExecRefused).append(error));
}

}  // namespace ringkv::server
