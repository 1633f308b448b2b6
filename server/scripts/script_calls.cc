// SPDX-License-Identifier: MIT
// redis.call: what a script may ask for, in the order in which redis-server looks, and how it is executed.
#include <algorithm>
#include <utility>

#include "server/command/error_replies.h"
#include "server/command/key_positions.h"
#include "server/execution/call_locks.h"
#include "server/execution/denials.h"
#include "server/execution/outcome.h"
#include "server/execution/route.h"
#include "server/execution/run.h"
#include "server/execution/stages.h"
#include "server/replication/replication.h"
#include "server/scripts/script_run.h"
#include "storage/base/key_slot.h"

namespace ringkv::server {
namespace {

constexpr std::string_view kUnknownCommand = "ERR Unknown Redis command called from script";
constexpr std::string_view kWrongArity = "ERR Wrong number of args calling Redis command from script";
constexpr std::string_view kNotFromScript = "ERR This Redis command is not allowed from script";
constexpr std::string_view kNotBlocking = " command is not allowed with BLOCK option from scripts";
constexpr std::string_view kStaleReplica = "ERR Can not execute the command on a stale replica";
constexpr std::string_view kOnlyReads = "ERR Write commands are not allowed from read-only scripts.";
constexpr std::string_view kFenced = "TRYAGAIN Script attempted to write to a key that MIGRATE is sending";
constexpr std::string_view kNotLocal = "ERR Script attempted to access a non local key in a cluster node";
constexpr std::string_view kClusterDown = "ERR Script attempted to execute a command while the cluster is down";
constexpr std::string_view kClusterOnlyReads =
    "ERR Script attempted to execute a write command while the cluster is down and readonly";
constexpr std::string_view kOtherSlot = "ERR Script attempted to access keys that do not hash to the same slot";

// Of a command that is not for scripts. A script runs in no script, nor changes its connection or what is queued there.
bool MayBeCalledInDebug(const Command& row) {
  return !row.Is(kNoMulti) && !row.Has(kRunsInMulti) && row.group != Group::kScripting && row.channels.first == 0;
}

std::string_view DescribeScriptDenial(const Denial& denial) {
  switch (denial.reason) {
    case DenialReason::kKey:
      return "ERR The user executing the script can't access at least one of the keys mentioned in the command "
             "arguments";
    case DenialReason::kChannel:
      return "ERR The user executing the script can't publish to the channel mentioned in the command";
    default: return "ERR The user executing the script can't run this command or subcommand";
  }
}

}  // namespace

Pulse ScriptRun::Call(std::span<const std::string_view> argv, resp::ReplyWriter& reply) {
  if (is_ended()) return Pulse::kEnd;
  const CommandEntry* const entry = names_.Find(argv);
  if (entry == nullptr) return Refuse(nullptr, kUnknownCommand, reply);
  if (const std::string why = WhyRefused(*entry, argv); !why.empty()) return Refuse(entry, why, reply);
  if (EmptiesAll(*entry->row) && WaitForHeldSlots() == Pulse::kEnd) return Pulse::kEnd;
  // A fence that has come since the run began waits for its end.
  if (has_fence_ && !PassFence(*entry->row, argv)) {
    return begins_again_ || is_ended() ? Pulse::kEnd : Refuse(entry, kFenced, reply);
  }
  if (Lock(*entry, argv) == Pulse::kEnd) return Pulse::kEnd;
  if (entry->row->Has(kAnswersLate) && !GiveUpUndo()) return Pulse::kEnd;
  if (entry->row->Is(kWrite) && !MayWrite()) return Pulse::kEnd;
  Outcome ended;
  const size_t deferred_before = enclosing_.deferred_bytes;
  const size_t replied_before = reply.buffer().size();
  RunEnclosed(*entry, argv, CallerFor(reply), ended, enclosing_);
  LeaveWith(reply.buffer().size() - replied_before);
  if (entry->row->Is(kNoScript) && reply.buffer().size() == replied_before) reply.Error(kNotFromScript);
  if (const size_t deferred = enclosing_.deferred_bytes - deferred_before; deferred > 0) [[unlikely]] {
    enclosing_.may_defer_bytes = state_->state.CountForHost(deferred);
  }
  return is_ended() ? Pulse::kEnd : Pulse::kContinue;
}

// The interpreter takes its time for a long reply too.
void ScriptRun::LeaveWith(size_t reply_bytes) {
  constexpr size_t kLongReply = 64 * 1024;
  const bool has_waited = std::exchange(was_done_elsewhere_, false);
  const bool may_leave = may_suspend_ && !is_moved() && txn_ == &own_txn_;
  if (has_waited && may_leave && reply_bytes > kLongReply) Suspend(false);
}

Pulse ScriptRun::Refuse(const CommandEntry* entry, std::string_view error, resp::ReplyWriter& reply) {
  reply.Error(error);
  thread_->statistics.CountError(reply.last_error_code());
  if (entry != nullptr) thread_->statistics.per_command[entry->index].rejected.Add(1);
  return Pulse::kContinue;
}

std::string ScriptRun::WhyRefused(const CommandEntry& entry, std::span<const std::string_view> argv) {
  const Command& row = *entry.row;
  if (row.is_container || !row.ArityFits(argv.size())) return std::string(kWrongArity);
  if (row.Is(kNoScript) && !(disables_deny_ && MayBeCalledInDebug(row))) return std::string(kNotFromScript);
  const uint32_t unmet = entry.needs & parts_.needs.Get() & session_.checked_needs;
  if ((unmet & kNeedsFreshData) != 0) return std::string(kStaleReplica);
  if ((unmet & kNeedsLease) != 0) return std::string(errors::kNoLease);
  const Denial denial = CheckPermission(parts_, session_, client(), entry, argv, DenialContext::kScript);
  if (denial.is_denied()) return std::string(DescribeScriptDenial(denial));
  // Others that may block answer at once here.
  const bool asks_to_block = row.may_wait != nullptr && row.MayWait(argv);
  if (asks_to_block && !row.Is(kNoScript)) return "ERR " + std::string(argv[0]) + std::string(kNotBlocking);
  if (only_reads_ && (row.Is(kWrite) || row.Has(kMayReplicate))) return std::string(kOnlyReads);
  if (row.Is(kWrite)) {
    if ((unmet & kNeedsWritable) != 0) return std::string(errors::kReadOnly);
    if ((unmet & kNeedsHealthyDisk) != 0) return DescribeDiskFailure(parts_);
    if ((unmet & kNeedsReplicas) != 0) return std::string(errors::kNoReplicas);
    // Only the first write: a script is not stopped halfway.
    const bool has_written = stage_.load(std::memory_order_relaxed) == Stage::kHasWritten;
    if (is_out_of_memory_ && !has_written && row.Is(kDenyOom)) return std::string(errors::kOutOfMemory);
  }
  return view_ != nullptr && !is_replicated_ ? WhyNotLocal(entry, argv) : std::string();
}

void ScriptRun::PinClusterView(const AdminCall& call) {
  if (!parts_.cluster.is_enabled()) return;
  // What its thread, or EXEC, has looked at for its routing: not what is current now.
  view_ = call.in_transaction ? call.execution.enclosing->cluster_view : thread_->cluster_view;
  stands_in_ = view_ != nullptr && call.command.Is(kReadOnly) && StandsInForPrimary(*view_, parts_);
}

std::string ScriptRun::WhyNotLocal(const CommandEntry& entry, std::span<const std::string_view> argv) {
  std::optional<size_t> slot;
  bool differ = false;
  ForEachKey(*entry.row, argv, [&](std::string_view key) {
    const size_t of_key = storage::KeySlot(key);
    differ = differ || (slot && *slot != of_key);
    slot = of_key;
  });
  if (!slot) return {};
  const cluster::SlotState state = view_->StateOf(*slot);
  if (differ || state.owner == cluster::kNoShard) return std::string(kNotLocal);
  const bool reads = !entry.row->Is(kWrite);
  if (!stands_in_ && parts_.cluster.IsDown(*view_)) {
    if (parts_.options.cluster_allow_reads_when_down == 0) return std::string(kClusterDown);
    if (!reads) return std::string(kClusterOnlyReads);
  }
  const bool reads_here = reads && (session_.reads_from_replica || stands_in_);
  const auto route = RouteSlot(state, view_->here, {.reads_here = reads_here, .asks = was_asking_});
  if (route != cluster::SlotRoute::kHere) return std::string(kNotLocal);
  const bool may_cross = !program_->has_flags() || program_->Has(kFunctionAllowCrossSlotKeys);
  if (may_cross) return {};
  if (!slot_) slot_ = keys_.empty() ? *slot : storage::KeySlot(keys_[0]);
  return *slot_ == *slot ? std::string() : std::string(kOtherSlot);
}

Pulse ScriptRun::WaitForHeldSlots() {
  if (view_ == nullptr || view_->held.none()) return Pulse::kContinue;
  while (!is_ended() && ViewOf(parts_, *thread_).held.any()) WaitForOthers();
  return is_ended() ? Pulse::kEnd : Pulse::kContinue;
}

// --- keys that are being sent to another server ---------------------------------------------------------------------

// MIGRATE waits for the locks of its keys: so nobody who has one of these waits for its end.
bool ScriptRun::PassFence(const Command& row, std::span<const std::string_view> argv) {
  while (WritesToFencedKey(parts_.key_fence, row, argv)) {
    if (!may_suspend_ || row.scope == Scope::kEverything) return false;
    if (txn_ == &own_txn_ && !is_final_ && txn_->MayRollback()) {
      ForEachKey(row, argv, [this](std::string_view key) { fenced_.emplace_back(key); });
      RestartLater();
      return false;
    }
    bool holds_one = false;
    ForEachKey(row, argv, [&](std::string_view key) { holds_one = holds_one || txn_->Holds(key); });
    if (holds_one) return false;
    WaitForOthers();
    if (is_ended()) return false;
  }
  return true;
}

bool ScriptRun::WaitsForFence() {
  if (fenced_.empty()) return false;
  const bool is_fenced = parts_.key_fence.HoldsOneOf([this](const auto& visit) {
    for (const std::string& key : fenced_) visit(key);
  });
  if (is_fenced || parts_.pause.Current() != PauseMode::kNone) return true;
  fenced_.clear();
  has_fence_ = (parts_.needs.Get() & session_.checked_needs & kNeedsNoFence) != 0;
  return false;
}

// --- locks ----------------------------------------------------------------------------------------------------------

Pulse ScriptRun::RestartLater() {
  program_->NoteRestart();
  begins_again_ = true;
  return Pulse::kEnd;
}

bool ScriptRun::LockDeclared() {
  if (txn_ != &own_txn_) return true;  // EXEC has locked them
  own_txn_.set_prefers_undo(has_fence_);
  if (is_irrevocable_ && !own_txn_.TryBeginIrrevocable()) return false;
  const bool is_locked = LockKeys(!own_txn_.skips_held());
  if (!is_locked) own_txn_.Rollback();  // nothing but the right to wait
  return is_locked;
}

bool ScriptRun::LockKeys(bool waits_for_long) {
  if (keys_.empty()) return true;
  if (position_) return own_txn_.LockKey(keys_.front(), *position_, waits_for_long);
  if (keys_.size() == 1) return own_txn_.LockKey(keys_.front(), waits_for_long);
  for (const std::string_view key : keys_) own_txn_.AddKey(key);
  return own_txn_.LockAdded(waits_for_long);
}

Pulse ScriptRun::Lock(const CommandEntry& entry, std::span<const std::string_view> argv) {
  for (;;) {
    switch (LockForCall(entry, argv, *txn_)) {
      case storage::MoreLocks::kLocked: return Pulse::kContinue;
      case storage::MoreLocks::kHeldForLong:
        if (HoldOn(*txn_, *entry.row, argv) == storage::Hold::kOverdue && GivesUp()) return Pulse::kEnd;
        WaitForOthers();
        if (is_ended()) return Pulse::kEnd;
        break;
      case storage::MoreLocks::kMustRestart: return RestartLater();
    }
  }
}

// Who holds everything, or has the right to wait, gets what it needs further.
bool ScriptRun::GiveUpUndo() {
  const bool may_have_to_begin_again = txn_ == &own_txn_ && !txn_->holds_all() && !txn_->is_irrevocable();
  if (may_have_to_begin_again) {
    RestartLater();
    return false;
  }
  is_final_ = true;
  return true;
}

bool ScriptRun::GivesUp() {
  const bool is_alone = txn_ == &own_txn_;
  const bool can_be_undone =
      is_alone ? own_txn_.MayRollback() : stage_.load(std::memory_order_relaxed) == Stage::kReads;
  is_busy_ = can_be_undone && !is_final_;
  begins_again_ = is_busy_ && is_alone;
  return is_busy_;
}

// From the first write on it can't be killed.
bool ScriptRun::MayWrite() {
  Stage stage = Stage::kReads;
  if (!stage_.compare_exchange_strong(stage, Stage::kHasWritten)) return stage == Stage::kHasWritten;
  events_before_changes_ = events_.items().size();
  return true;
}

CommandPermit ScriptRun::CheckPermit(std::span<const std::string_view> argv) {
  const CommandEntry* entry = parts_.commands.Find(argv);
  const bool is_known = entry != nullptr && !(entry->row->is_container && argv.size() > 1);
  if (!is_known) return CommandPermit::kUnknown;
  const Permissions* const user = RestrictedUser(parts_, session_);
  const bool is_denied = user != nullptr && CheckAcl(*user, *entry, argv).is_denied();
  return is_denied ? CommandPermit::kDenied : CommandPermit::kAllowed;
}

}  // namespace ringkv::server
