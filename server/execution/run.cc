// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "server/blocking/waiting_clients.h"
#include "server/cluster/cluster_state.h"
#include "server/command/key_positions.h"
#include "server/execution/account.h"
#include "server/execution/denials.h"
#include "server/execution/lent_input.h"
#include "server/execution/long_work.h"
#include "server/execution/run.h"
#include "server/execution/stages.h"

namespace ringkv::server {
namespace {

// With the resolved ones in their places.
std::vector<std::string> KeepArguments(std::span<const std::string_view> argv, KeyWaitPlan& plan) {
  std::vector<std::string> kept;
  kept.reserve(argv.size());
  auto resolved = plan.resolved.begin();
  for (size_t i = 0; i < argv.size(); ++i) {
    const bool is_resolved = resolved != plan.resolved.end() && resolved->first == i;
    is_resolved ? kept.emplace_back(std::move((resolved++)->second)) : kept.emplace_back(argv[i]);
  }
  return kept;
}

std::shared_ptr<WaitingRequest> KeepRequest(const Execution& execution, KeyWaitPlan plan) {
  const Session& session = execution.session();
  return std::make_shared<WaitingRequest>(WaitingRequest{.client = session.card,
                                                         .command = execution.entry,
                                                         .argv = KeepArguments(execution.argv(), plan),
                                                         .db = session.db,
                                                         .protocol = session.protocol,
                                                         .reads_from_replica = session.reads_from_replica,
                                                         .user = session.user.account(),
                                                         .plan = std::move(plan),
                                                         .generation = execution.wait_generation});
}

// For the accounts when the reply comes. `input`: if it is not null, has the arguments.
std::shared_ptr<WaitingRequest> KeepForLateReply(const Execution& execution, const std::shared_ptr<LentInput>& input) {
  if (input != nullptr) {
    const auto lent =
        std::make_shared<WaitingRequest>(WaitingRequest{.client = execution.session().card,
                                                        .command = execution.entry,
                                                        .argv = {},
                                                        .words = {execution.argv().begin(), execution.argv().end()},
                                                        .lent = input,
                                                        .user = nullptr,
                                                        .plan = {.deadline_ms = INT64_MAX}});
    for (const std::string_view word : lent->words) lent->memory_bytes += sizeof word + word.size();
    return lent;
  }
  std::shared_ptr<WaitingRequest> request = KeepRequest(execution, {.deadline_ms = INT64_MAX});
  for (const std::string& argument : request->argv) request->memory_bytes += sizeof(std::string) + argument.size();
  return request;
}

// A command that has found nothing waits from now on; its keys are locked, so that it misses no change of them.
void BeginToWait(Execution& execution, const DataCall& call) {
  std::shared_ptr<WaitingRequest> request = KeepRequest(execution, std::move(*call.wait));
  execution.parts().waiting_clients.Add(request);
  execution.outcome = outcome::KeyWait{std::move(request)};
}

// Of a client that is blocked now: what its accounts need when it is answered. False if it is not.
bool NoteSpent(Execution& execution, uint64_t nanoseconds) {
  if (auto* const wait = std::get_if<outcome::KeyWait>(&execution.outcome)) {
    wait->nanoseconds = nanoseconds;
  } else if (auto* const replica_wait = std::get_if<outcome::ReplicaWait>(&execution.outcome)) {
    replica_wait->command = execution.entry;
    replica_wait->nanoseconds = nanoseconds;
  } else if (auto* const late = std::get_if<outcome::LateReply>(&execution.outcome)) {
    if (!late->is_running) late->request = KeepForLateReply(execution, late->input);
    late->nanoseconds = nanoseconds;
  } else {
    return false;
  }
  return true;
}

// What it takes to write the arguments to the data: most bytes of a value are copied into it, into the record of the
// change, and into the log.
uint64_t StepsOfArguments(std::span<const std::string_view> argv) {
  constexpr uint64_t kCopies = 3;
  uint64_t bytes = 0;
  for (const std::string_view word : argv) bytes += word.size();
  return argv.size() * kStepsOfInsertion + kCopies * bytes / kBytesOfStep;
}

bool MayHandOver(const Execution& execution) {
  return execution.caller.may_hand_over && execution.enclosing == nullptr && !execution.caller.txn().holds_all();
}

// What has locked everything stays, because others would wait for it anyway.
bool MayLeave(const Execution& execution) {
  const bool takes_turns = execution.enclosing != nullptr && execution.enclosing->turns != nullptr;
  return (execution.caller.may_hand_over || takes_turns) && !execution.caller.txn().holds_all();
}

// A command inside of another one, which keeps its locks: that begins to take turns, or does, and waits.
void LeaveEnclosing(Execution& execution, const DataCall& call, bool has_looked) {
  Enclosing& enclosing = *execution.enclosing;
  if (execution.caller.may_hand_over) {
    enclosing.has_looked = has_looked;
    execution.Postpone();
    return;
  }
  storage::Txn& txn = execution.caller.txn();
  DataCall again = MakeCall(execution.parts(), txn, execution.argv(), call.db, call.reply);
  again.is_repeated = call.is_repeated;
  again.may_read_all = call.may_read_all;
  txn.set_looks_again(has_looked);
  enclosing.turns->DoElsewhere([&] { execution.row().run.data(again); });
  txn.set_looks_again(false);
}

// Here, or on a thread for long work. What may wait for keys goes elsewhere when it has found something.
void RunHere(Execution& execution, DataCall& call) {
  if (MayLeave(execution)) call.most_steps = LongWork::kMostSteps;
  const bool has_much_to_write = call.wait == nullptr && call.TakesLong(StepsOfArguments(execution.argv()));
  if (!has_much_to_write) execution.row().run.data(call);
  // A walk that has left out what is held for long is postponed.
  if (!call.is_long || execution.caller.txn().has_skipped()) return;
  if (execution.enclosing != nullptr) return LeaveEnclosing(execution, call, !has_much_to_write);
  execution.parts().long_work.Take(execution, !has_much_to_write);
}

// Whether its user may read keys that are found by values.
bool MayReadAll(const Execution& execution) {
  const Permissions* const user = RestrictedUser(execution.parts(), execution.session());
  return user == nullptr || MayReadAllKeys(*user, *execution.entry, execution.argv());
}

void RunData(Execution& execution) {
  const Session& session = execution.session();
  DataCall call = MakeCall(execution.parts(), execution.caller.txn(), execution.argv(), session.db, execution.reply());
  call.is_repeated = session.repeats_another_server();
  if (execution.row().needs_everything != nullptr) call.may_read_all = MayReadAll(execution);
  if (!execution.row().Is(kBlocking) || !execution.MayWait()) return RunHere(execution, call);
  KeyWaitPlan plan;
  call.wait = &plan;
  RunHere(execution, call);
  if (plan.would_wait) BeginToWait(execution, call);
}

// A subscriber gets another reply to PING, by its session.
bool RepeatsMuch(const Execution& execution) {
  return execution.row().Has(kRepeats) && MayHandOver(execution) && execution.session().subscriber_needs == 0 &&
         StepsOfArguments(execution.argv()) > LongWork::kMostSteps;
}

void RunAdmin(Execution& execution) {
  const Caller& caller = execution.caller;
  if (RepeatsMuch(execution)) return execution.parts().long_work.Take(execution, false);
  AdminCall call{.args = Arguments(execution.argv()),
                 .txn = caller.txn(),
                 .reply = caller.reply,
                 .pushes = caller.pushes != nullptr ? *caller.pushes : caller.reply,
                 .session = caller.session,
                 .thread = caller.thread,
                 .server = caller.parts.server,
                 .command = execution.row(),
                 .outcome = execution.outcome,
                 .execution = execution,
                 .in_transaction = execution.enclosing != nullptr,
                 .may_wait = execution.MayWait()};
  execution.row().run.admin(call);
  // INFO and its like count over what may not be safe yet, but show nothing of it; EXEC has run data commands.
  if (!execution.runs_queued() && !execution.row().Has(kRunsScript | kShowsData)) caller.txn().ForgetDependence();
}

// A walk that has left out keys which others hold, or could not lock them, begins again when these are free. One that
// goes on elsewhere notes by itself how it ended.
void EndWalk(Execution& execution) {
  LongHolds& holds = execution.parts().long_holds;
  if (execution.thread().txn.TakeSkipped()) execution.Postpone();
  if (std::holds_alternative<outcome::Postponed>(execution.outcome)) {
    holds.NoteWalkWaits(execution.parts().clock.SteadyMs());
  } else if (!std::holds_alternative<outcome::LateReply>(execution.outcome)) {
    holds.NoteWalkPassed();
  }
}

// What is written; values that are built for others have no bytes.
size_t BytesOf(resp::ReplyWriter& reply) { return reply.builds_value() ? 0 : reply.buffer().size(); }

// Whether the command will be executed, and accounted for, later or elsewhere.
bool IsToCome(const Outcome& outcome) {
  if (std::holds_alternative<outcome::Postponed>(outcome)) return true;
  const auto* const late = std::get_if<outcome::LateReply>(&outcome);
  return late != nullptr && late->is_running;
}

// For a client that keeps what it reads. The keys are still locked, so it hears of the next change of each.
void RememberReads(const Execution& execution) {
  const Command& row = execution.row();
  if (!row.Is(kReadOnly) || row.run.data == nullptr || IsToCome(execution.outcome)) return;
  ForEachKey(row, execution.argv(),
             [&](std::string_view key) { execution.caller.txn().Remember(key, execution.session().tracking.reader); });
}

}  // namespace

DataCall MakeCall(const ExecutionParts& parts, storage::Txn& txn, std::span<const std::string_view> argv,
                  storage::DbIndex db, resp::ReplyWriter& reply) {
  DataCall call{Arguments(argv), txn, reply, db, parts.options.proto_max_bulk_len};
  call.in_cluster = parts.cluster.is_enabled();
  return call;
}

bool LockKeysOf(const Command& row, std::span<const std::string_view> argv, storage::Txn& txn) {
  const bool waits = !txn.skips_held();
  if (row.NeedsEverything(argv)) return txn.LockAll(waits);
  if (row.HasOneKey()) return txn.LockKey(argv[static_cast<size_t>(row.keys.first)], waits);
  if (row.keys.first == 0 || row.Has(kLocksItself)) return true;
  ForEachKey(row, argv, [&](std::string_view key) { txn.AddKey(key); });
  return txn.LockAdded(waits);
}

void TellMonitorsOnce(Execution& execution) {
  if (std::exchange(execution.was_shown, true)) return;
  TellMonitors(execution.parts(), execution.row(), execution.argv(), execution.session().db, *execution.session().card);
}

namespace {

// While it lives, a client that imports finds what has expired.
class FindsExpired {
 public:
  FindsExpired(storage::Txn& txn, bool does) : txn_(txn), does_(does && !txn.keeps_expired()) {
    if (does_) txn_.set_keeps_expired(true);
  }
  ~FindsExpired() {
    if (does_) txn_.set_keeps_expired(false);
  }
  FindsExpired(const FindsExpired&) = delete;
  FindsExpired& operator=(const FindsExpired&) = delete;

 private:
  storage::Txn& txn_;
  const bool does_;
};

}  // namespace

void Run(Execution& execution) {
  const ExecutionParts& parts = execution.parts();
  ThreadState& thread = execution.thread();
  storage::Txn& txn = execution.caller.txn();
  // A script may go on elsewhere, with another transaction; commands of EXEC come here each.
  const bool imports = execution.session().imports && !execution.row().Has(kRunsScript | kRunsQueued);
  const FindsExpired finds_expired(txn, imports && parts.options.import_mode != 0);
  const KeyEvents::Scope events(parts.key_events, txn, thread.index,
                                execution.enclosing != nullptr ? execution.enclosing->events : nullptr);
  resp::ReplyWriter& reply = execution.reply();
  const size_t bytes_before = BytesOf(reply);
  execution.began = parts.ticks.Now();
  const int64_t errors_before = reply.errors();
  txn.no_touch = execution.session().no_touch && !execution.row().Has(kAlwaysTouches);
  txn.set_author(execution.session().tracking.author());
  execution.row().run.data != nullptr ? RunData(execution) : RunAdmin(execution);
  if (execution.session().tracking.reader != 0) [[unlikely]]
    RememberReads(execution);
  thread.last_command_end = parts.ticks.Now();
  const uint64_t nanoseconds = parts.ticks.Nanoseconds(thread.last_command_end - execution.began);
  const bool is_walk = execution.row().scope == Scope::kWalks;
  if (is_walk) EndWalk(execution);
  const bool is_postponed = std::holds_alternative<outcome::Postponed>(execution.outcome);
  if (!is_walk && !is_postponed && parts.long_holds.has_waiting_walk() && LocksAny(execution)) {
    parts.long_holds.NoteWalkPassed();
  }
  if (execution.row().Has(kRunsScript) && !is_postponed) TellMonitorsOnce(execution);
  const bool waits = !execution.outcome.is_done() && NoteSpent(execution, nanoseconds);
  if (!execution.caller.is_accounted || IsToCome(execution.outcome)) return;
  ++execution.session().commands;
  const bool has_failed = reply.errors() != errors_before && !execution.has_run_queued;
  Account(parts, thread,
          {.entry = *execution.entry,
           .argv = execution.argv(),
           .db = execution.session().db,
           .client = *execution.session().card,
           .nanoseconds = nanoseconds,
           .reply_bytes = std::max(BytesOf(reply), bytes_before) - bytes_before,
           .error = has_failed ? std::optional(reply.last_error_code()) : std::nullopt,
           .waits = waits,
           .is_shown_later = waits && execution.has_run_queued});
}

void RunEnclosed(const CommandEntry& entry, std::span<const std::string_view> argv, const Caller& caller,
                 server::Outcome& outcome, Enclosing& enclosing) {
  const Request request{.argv = argv, .entry = &entry, .is_looked_up = true};
  Execution execution{.caller = caller, .request = request, .outcome = outcome};
  execution.entry = &entry;
  execution.enclosing = &enclosing;
  Run(execution);
}

}  // namespace ringkv::server
