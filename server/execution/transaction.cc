// SPDX-License-Identifier: MIT
#include "server/execution/transaction.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "server/command/key_positions.h"
#include "server/execution/administration.h"
#include "server/execution/denials.h"
#include "server/execution/run.h"
#include "server/execution/stages.h"

namespace ringkv::server {
namespace {

using Queue = std::vector<TransactionQueue::Queued>;
using KeyList = QueuedRun::KeyList;

// Adds the keys of all that was queued, and those that are watched. `watched` gets copies of the latter, which must
// live until the transaction unlocks: it knows keys by their address.
void AddKeys(const Session& session, storage::Txn& txn, KeyList& watched) {
  for (const auto& each : session.queue.commands()) {
    ForEachKey(*each.command->row, each.argv, [&](std::string_view key) { txn.AddKey(key); });
  }
  watched.reserve(session.watch.keys.size());
  for (const auto& [key, watcher] : session.watch.keys) txn.AddKey(watched.emplace_back(key->db, key->key).second);
}

bool NeedsAll(const TransactionQueue::Queued& queued) {
  const Command& row = *queued.command->row;
  return row.scope != Scope::kNothing || row.NeedsEverything(queued.argv);
}

// Whether one of the watched keys has changed; they are locked, and not watched any more.
bool HaveChanged(const KeyList& watched, Session& session, storage::Txn& txn) {
  // A watched key whose time has run out is erased by this look, which marks the session.
  for (const auto& [db, key] : watched) txn.Find(db, key, storage::Intent::kCheck);
  const bool has_changed = session.watch.touched.load(std::memory_order_relaxed);
  session.UnwatchAll();
  return has_changed;
}

// Where the replies of a transaction go: CLIENT REPLY or the end of the connection may change it from one command to
// the next.
class QueuedReplies {
 public:
  explicit QueuedReplies(const Execution& exec)
      : exec_(exec),
        heard_(exec.caller.pushes != nullptr ? *exec.caller.pushes : exec.reply()),
        unheard_(nowhere_, exec.session().protocol) {
    nowhere_.set_limit(0);
  }
  ~QueuedReplies() { heard_.set_protocol(exec_.session().protocol); }
  QueuedReplies(const QueuedReplies&) = delete;
  QueuedReplies& operator=(const QueuedReplies&) = delete;

  // On whose behalf the next command is executed. `may_leave`: it is postponed if it takes long.
  Caller Next(bool may_leave) {
    const Caller& exec = exec_.caller;
    const bool has_ended = std::get_if<outcome::Close>(&exec_.outcome) != nullptr;
    resp::ReplyWriter& reply = has_ended || exec.session.reply_mode.is_silent() ? unheard_ : heard_;
    reply.set_protocol(exec.session.protocol);
    return {.parts = exec.parts,
            .thread = exec.thread,
            .session = exec.session,
            .reply = reply,
            .pushes = has_ended ? &unheard_ : &heard_,
            .may_wait = exec.may_wait,
            .may_ask_others = exec.may_ask_others,
            .may_hand_over = may_leave,
            .own_txn = exec.own_txn};
  }
  // Of what is heard.
  size_t size() const { return heard_.buffer().size(); }
  // Of EXEC itself.
  resp::ReplyWriter& Reply() { return exec_.session().reply_mode.is_silent() ? unheard_ : heard_; }

 private:
  const Execution& exec_;
  resp::ReplyWriter& heard_;
  resp::Buffer nowhere_;
  resp::ReplyWriter unheard_;
};

// Runs one of them, whose keys are locked. What it wants of the connection EXEC wants. False, and nothing has happened,
// if it takes long and is to go on elsewhere.
bool RunOne(const TransactionQueue::Queued& queued, const Caller& caller, Execution& exec, Enclosing& enclosing) {
  const Denial denial = CheckPermission(caller.parts, caller.session, *caller.session.card, *queued.command,
                                        queued.argv, DenialContext::kTransaction);
  if (denial.is_denied()) {
    caller.reply.Error(DescribeLateDenial(denial));
    caller.thread.statistics.CountError(caller.reply.last_error_code());
    return true;
  }
  Outcome ended;
  RunEnclosed(*queued.command, queued.argv, caller, ended, enclosing);
  if (std::holds_alternative<outcome::Postponed>(ended)) return false;
  if (!ended.is_done()) exec.outcome = std::move(ended);
  return true;
}

}  // namespace

void Enqueue(Execution& execution) {
  Session& session = execution.session();
  if (execution.row().Is(kNoMulti)) {
    Reject(execution, "ERR Command not allowed inside a transaction");
    return;
  }
  const auto limit = static_cast<size_t>(execution.parts().options.client_query_buffer_limit.load());
  if (!session.repeats_another_server() && session.queue.MemoryBytes() > limit) {
    Reject(execution, "ERR the queued commands of this transaction exceed client-query-buffer-limit");
    return;
  }
  // Once it has failed nothing of it will run: what comes after need not be kept.
  if (!session.queue.has_failed()) session.queue.Add(*execution.entry, execution.argv());
  execution.reply().Simple("QUEUED");
}

QueuedRun::QueuedRun(Execution& exec, Turns* turns) : exec_(exec), turns_(turns) {
  enclosing_.is_out_of_memory = exec.is_out_of_memory;
  enclosing_.turns = turns;
  enclosing_.cluster_view = exec.thread().cluster_view;
}

QueuedRun::QueuedRun(Execution& exec, Turns& turns, QueuedRun&& stopped)
    : exec_(exec),
      turns_(&turns),
      watched_(std::move(stopped.watched_)),
      queued_(std::move(stopped.queued_)),
      next_(stopped.next_),
      has_begun_(true),
      enclosing_(std::move(stopped.enclosing_)) {
  enclosing_.turns = &turns;
  exec.caller.txn().set_looks_again(enclosing_.has_looked);
  if (next_ > 0) exec.caller.txn().BeginLastChanges();  // some have been made
}

// A script may use keys that nobody knows yet: they are locked later by a transaction that may wait for them. What
// MIGRATE has sent can't be undone either.
bool QueuedRun::Lock() {
  const Session& session = exec_.session();
  const Queue& queue = session.queue.commands();
  storage::Txn& txn = exec_.caller.txn();
  const bool waits = !txn.skips_held();
  locks_more_ = turns_ != nullptr && session.queue.runs_long_commands();
  if (locks_more_ && !txn.TryBeginIrrevocable()) return false;
  AddKeys(session, txn, watched_);
  const bool locks_all =
      std::any_of(queue.begin(), queue.end(), NeedsAll) || (turns_ == nullptr && session.queue.runs_long_commands());
  const bool is_locked = locks_all ? txn.LockAll(waits) : !txn.has_added() || txn.LockAdded(waits);
  if (!is_locked && locks_more_) txn.Rollback();  // nothing but the right to wait
  return is_locked;
}

bool QueuedRun::Begin(resp::ReplyWriter& reply) {
  has_begun_ = true;
  queued_ = exec_.session().queue.Close();
  if (HaveChanged(watched_, exec_.session(), exec_.caller.txn())) {
    reply.NullArray();
    return false;
  }
  reply.Array(static_cast<int64_t>(queued_.size()));
  return true;
}

bool QueuedRun::Run(bool may_stop) {
  QueuedReplies replies(exec_);
  if (may_stop) reply_begin_ = replies.size();
  if (!has_begun_ && !Begin(replies.Reply())) return true;
  for (; next_ < queued_.size(); ++next_) {
    const TransactionQueue::Queued& next = queued_[next_];
    if (turns_ != nullptr && !BeginTurn(next)) return true;
    if (may_stop && next_ > 0 && HasTakenLong()) return false;
    if (!RunOne(next, replies.Next(may_stop), exec_, enclosing_)) return false;
  }
  return true;
}

// As long as others should wait at most.
bool QueuedRun::HasTakenLong() const {
  constexpr uint64_t kLongNs = 1'000'000;
  const uint64_t now = exec_.thread().last_command_end;  // of none yet if the first ones were denied
  return now > exec_.began && exec_.parts().ticks.Nanoseconds(now - exec_.began) > kLongNs;
}

bool QueuedRun::BeginTurn(const TransactionQueue::Queued& next) {
  if (!turns_->GoOn()) return false;
  storage::Txn& txn = exec_.caller.txn();
  if (next.command->row->Is(kWrite)) locks_more_ ? txn.BeginChanges() : txn.BeginLastChanges();
  return true;
}

void QueuedRun::End() {
  exec_.caller.txn().Unlock();
  for (const auto& work : enclosing_.after_unlock) work();
}

std::optional<QueuedRun> RunQueued(AdminCall& call, bool may_stop) {
  QueuedRun run(call.execution, nullptr);
  if (!run.Lock()) {
    call.execution.Postpone();
    return std::nullopt;
  }
  call.execution.has_run_queued = true;
  if (!run.Run(may_stop)) return run;
  run.End();
  AdministerAfter(call, run.TakeAdministration());
  return std::nullopt;
}

bool MayBeUndone(const AdminCall& call) {
  return call.execution.enclosing != nullptr && call.execution.enclosing->may_begin_again;
}

void AfterUnlock(AdminCall& call, std::function<void()> work) {
  if (!MayBeUndone(call) && !call.txn.holds_any()) return work();
  call.execution.enclosing->after_unlock.push_back(std::move(work));
}

void AfterAdministration(AdminCall& call, std::function<void()> work) {
  Enclosing* const enclosing = call.execution.enclosing;
  if (enclosing == nullptr || enclosing->administration.empty()) return AfterUnlock(call, std::move(work));
  enclosing->administration.push_back(std::move(work));
}

void AdministerAfter(AdminCall& exec, std::vector<std::function<void()>> work) {
  if (work.empty()) return;
  if (!exec.may_wait) {
    for (const auto& each : work) each();
    return;
  }
  const ExecutionParts& parts = exec.execution.parts();
  const bool waits = exec.outcome.is_done();  // else the connection ends, or goes elsewhere
  if (waits) exec.outcome = outcome::LateReply{};
  parts.administration.Do(Administration::Lane::kRoles,
                          [&links = parts.links, card = exec.session.card, work = std::move(work), waits] {
                            for (const auto& each : work) each();
                            if (waits) links.Answer(*card, {.reply = {}, .is_accounted = true});
                          });
}

bool AfterUnlock(AdminCall& call, size_t bytes, std::function<void()> work) {
  Enclosing& enclosing = *call.execution.enclosing;
  if (!enclosing.may_defer_bytes) return false;
  enclosing.deferred_bytes += sizeof work + bytes;
  AfterUnlock(call, std::move(work));
  return true;
}

}  // namespace ringkv::server
