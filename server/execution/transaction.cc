// SPDX-License-Identifier: MIT
#include "server/execution/transaction.h"

#include <string>
#include <utility>
#include <vector>

#include "server/command/key_positions.h"
#include "server/execution/run.h"
#include "server/execution/stages.h"

namespace ringkv::server {
namespace {

using Queue = std::vector<TransactionQueue::Queued>;
using KeyList = std::vector<std::pair<storage::DbIndex, std::string>>;

// Locks the keys of all that was queued, and those that are watched; false as LockKeys. `watched` gets copies of the
// latter, which must live until the transaction unlocks: it knows keys by their address.
bool LockQueued(const Session& session, storage::Txn& txn, KeyList& watched) {
  const bool waits = !txn.skips_held();
  bool needs_all = false;
  bool needs_any = !session.watch.keys.empty();
  for (const auto& each : session.queue.commands()) {
    const Command& row = *each.command->row;
    needs_all = needs_all || row.scope != Scope::kNothing || row.Has(kRunsScript) || row.NeedsEverything(each.argv);
    ForEachKey(row, each.argv, [&](std::string_view key) {
      txn.AddKey(key);
      needs_any = true;
    });
  }
  watched.reserve(session.watch.keys.size());
  for (const auto& [key, watcher] : session.watch.keys) txn.AddKey(watched.emplace_back(key->db, key->key).second);
  if (needs_all) return txn.LockAll(waits);
  return !needs_any || txn.LockAdded(waits);
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

  // On whose behalf the next command is executed.
  Caller Next() {
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
            .own_txn = exec.own_txn};
  }

 private:
  const Execution& exec_;
  resp::ReplyWriter& heard_;
  resp::Buffer nowhere_;
  resp::ReplyWriter unheard_;
};

// Runs one of them, whose keys are locked. What it wants of the connection EXEC wants.
void RunOne(const TransactionQueue::Queued& queued, const Caller& caller, Execution& exec, Enclosing& enclosing) {
  Outcome ended;
  RunEnclosed(*queued.command, queued.argv, caller, ended, enclosing);
  if (!ended.is_done()) exec.outcome = std::move(ended);
}

}  // namespace

void Enqueue(Execution& execution) {
  Session& session = execution.session();
  if (execution.row().Is(kNoMulti) || execution.row().Has(kAnswersLate)) {
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

void RunQueued(AdminCall& call) {
  KeyList watched;
  if (!LockQueued(call.session, call.txn, watched)) {
    call.execution.Postpone();
    return;
  }
  const Queue queued = call.session.queue.Close();
  if (HaveChanged(watched, call.session, call.txn)) {
    call.reply.NullArray();
    return call.txn.Unlock();
  }
  call.reply.Array(static_cast<int64_t>(queued.size()));
  Enclosing enclosing{.after_unlock = {}, .is_out_of_memory = call.execution.is_out_of_memory};
  call.execution.has_run_queued = true;
  {
    QueuedReplies replies(call.execution);
    for (const auto& each : queued) RunOne(each, replies.Next(), call.execution, enclosing);
  }
  call.txn.Unlock();
  for (const auto& work : enclosing.after_unlock) work();
}

void AfterUnlock(AdminCall& call, std::function<void()> work) {
  if (!call.txn.holds_any()) return work();
  call.execution.enclosing->after_unlock.push_back(std::move(work));
}

}  // namespace ringkv::server
