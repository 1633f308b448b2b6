// SPDX-License-Identifier: MIT
#include "server/command/dispatch.h"

#include <utility>

#include "server/blocking/waiting_clients.h"
#include "server/command/key_positions.h"
#include "server/command/redirect.h"
#include "server/command/refusals.h"
#include "server/command/secrets.h"
#include "server/server.h"
#include "server/session/session.h"

namespace ringkv::server {
namespace {

using Argv = std::span<const std::string_view>;

bool ArityFits(const Command& row, size_t argc) {
  return row.arity >= 0 ? argc == static_cast<size_t>(row.arity) : argc >= static_cast<size_t>(-row.arity);
}

bool HasOneKey(const Command& row) {
  return row.keys.first != 0 && row.keys.first == row.keys.last && row.more_keys.first == 0;
}

bool NeedsEverything(const Command& row, Argv argv) {
  return row.scope == Scope::kEverything || (row.needs_everything != nullptr && row.needs_everything(argv));
}

void LockFor(const Command& row, const Request& request, storage::Txn& txn) {
  const Argv argv = request.argv;
  if (request.position) {
    txn.LockKey(argv[static_cast<size_t>(row.keys.first)], *request.position);
  } else if (NeedsEverything(row, argv)) {
    txn.LockAll();
  } else if (HasOneKey(row)) {
    txn.LockKey(argv[static_cast<size_t>(row.keys.first)]);
  } else if (row.keys.first != 0) {
    ForEachKey(row, argv, [&](std::string_view key) { txn.AddKey(key); });
    txn.LockAdded();
  }
}

void NoteSlow(Server& server, const Session& session, Argv argv, uint64_t nanoseconds) {
  const uint64_t microseconds = nanoseconds / 1000;
  const int64_t slow = server.options().slowlog_log_slower_than;
  const int64_t now_seconds = server.clock().Now() / 1000;
  if (slow >= 0 && microseconds >= static_cast<uint64_t>(slow)) {
    server.slow_log().Add({.id = 0,
                           .unix_seconds = now_seconds,
                           .microseconds = microseconds,
                           .arguments = {},
                           .address = session.card->address,
                           .client_name = session.card->name.Get()},
                          argv, static_cast<size_t>(server.options().slowlog_max_len));
  }
  const int64_t threshold = server.options().latency_monitor_threshold;
  if (threshold > 0 && microseconds / 1000 >= static_cast<uint64_t>(threshold)) {
    server.latency_events().Add("command", now_seconds, microseconds / 1000);
  }
}

// A command that has found nothing waits from now on; its keys are locked, so that it misses no change of them.
void RunOrWait(const Command& row, Server& server, Session& session, DataCall& call) {
  KeyWaitPlan plan;
  call.wait = &plan;
  row.run.data(call);
  if (!plan.would_wait) return;
  std::vector<std::string> argv(call.args.all().begin(), call.args.all().end());
  for (auto& [index, text] : plan.resolved) argv[index] = std::move(text);
  auto request = std::make_shared<WaitingRequest>(WaitingRequest{.client = session.card,
                                                                 .row = &row,
                                                                 .argv = std::move(argv),
                                                                 .db = session.db,
                                                                 .protocol = session.protocol,
                                                                 .reads_from_replica = session.reads_from_replica,
                                                                 .max_string_bytes = call.max_string_bytes,
                                                                 .plan = plan,
                                                                 .generation = session.wait_generation});
  server.waiting_clients().Add(request);
  session.key_wait = std::move(request);
}

// Finds the commands of a batch, one after the other: often it is the same name again.
class BatchLookup {
 public:
  explicit BatchLookup(const CommandTable& table) : table_(table) {}
  const CommandEntry* Find(Argv argv) {
    if (last_ != nullptr && argv[0] == name_) return last_;
    const CommandEntry* found = table_.Find(argv);
    // Of a container the next word decides too.
    const bool is_known_by_name = found != nullptr && found->parent == nullptr && found->subcommands.empty();
    last_ = is_known_by_name ? found : nullptr;
    name_ = argv[0];
    return found;
  }

 private:
  const CommandTable& table_;
  std::string_view name_;
  const CommandEntry* last_ = nullptr;
};

// Runs the handler with the locks already held, and keeps the books.
void Invoke(const CommandEntry& entry, Server& server, ThreadState& thread, Session& session, Argv argv,
            resp::ReplyWriter& reply) {
  const Command& row = *entry.row;
  const KeyEvents::Scope events(server.key_events(), thread.txn, thread.index);
  const uint64_t start = server.ticks().Now();
  const int64_t errors_before = reply.errors();
  if (row.run.data != nullptr) {
    DataCall call{Arguments(argv), thread.txn, reply, session.db, server.options().proto_max_bulk_len};
    call.is_repeated = session.heeds == 0;
    call.in_cluster = server.cluster().is_enabled();
    if (row.Is(kBlocking) && session.may_wait && !session.in_exec) {
      RunOrWait(row, server, session, call);
    } else {
      row.run.data(call);
    }
  } else {
    AdminCall call{Arguments(argv), thread.txn, reply, session, thread, server, row};
    row.run.admin(call);
    // INFO and its like count over what may not be safe yet, but show nothing of it; EXEC has run data commands.
    if (!row.Has(kRunsQueued)) thread.txn.ForgetDependence();
  }
  thread.last_command_end = server.ticks().Now();
  const uint64_t nanoseconds = server.ticks().Nanoseconds(thread.last_command_end - start);
  CommandStatistics& statistics = thread.statistics.per_command[entry.index];
  statistics.calls.Add(1);
  statistics.nanoseconds.Add(nanoseconds);
  thread.statistics.commands.Add(1);
  if (reply.errors() != errors_before && !row.is_container && !row.Has(kRunsQueued)) {
    statistics.failed.Add(1);
    thread.statistics.CountError(reply.last_error_code());
  }
  if (server.options().latency_tracking != 0) {
    LatencyHistogram* histogram = statistics.histogram.load(std::memory_order_relaxed);
    if (histogram == nullptr) {
      histogram = new LatencyHistogram;
      statistics.histogram.store(histogram, std::memory_order_release);
    }
    histogram->Add(nanoseconds);
  }
  // Below a microsecond only a threshold of zero is met.
  const bool may_be_slow = nanoseconds >= 1000 || server.options().slowlog_log_slower_than == 0;
  std::vector<std::string_view> copy;
  if (may_be_slow && !row.Is(kSkipSlowLog)) NoteSlow(server, session, ShownArguments(row, argv, &copy), nanoseconds);
  if (server.monitor().HasListeners() && !row.Is(kAdmin)) {
    server.monitor().Feed(server.links(), server.clock().NowMicros(), session.db, *session.card,
                          ShownArguments(row, argv, &copy));
  }
}

}  // namespace

void Prepare(Server& server, ThreadState& thread, const Session& session, std::span<Request> requests) {
  BatchLookup lookup(server.commands());
  std::string_view key_before;
  storage::Position position;
  bool has_position = false;
  for (Request& request : requests) {
    if (request.argv.empty()) continue;
    request.entry = lookup.Find(request.argv);
    request.is_looked_up = true;
    if (request.entry == nullptr || session.queue.is_open()) continue;
    const Command& row = *request.entry->row;
    if (!HasOneKey(row) || !ArityFits(row, request.argv.size())) continue;
    // Who sends one command after the other often means the same key: it is near already.
    const std::string_view key = request.argv[static_cast<size_t>(row.keys.first)];
    if (!has_position || key != key_before) position = thread.txn.PrefetchBucket(session.db, key);
    has_position = true;
    key_before = key;
    request.position = position;
  }
  std::optional<storage::Position> position_before;
  for (const Request& request : requests) {
    if (!request.position || (position_before && request.position->value == position_before->value)) continue;
    thread.txn.PrefetchEntry(session.db, *request.position);
    position_before = request.position;
  }
}

DispatchOutcome Dispatch(Server& server, ThreadState& thread, Session& session, const Request& request,
                         resp::ReplyWriter& reply) {
  const Argv argv = request.argv;
  const CommandEntry* entry = request.is_looked_up ? request.entry : server.commands().Find(argv);
  if (entry == nullptr) {
    RefuseUnknown(server, thread, session, argv, reply);
    return DispatchOutcome::kDone;
  }
  const Command& row = *entry->row;
  if (!ArityFits(row, argv.size()) || row.is_container) {
    RefuseArity(*entry, thread, session, reply);
    return DispatchOutcome::kDone;
  }
  if (row.Is(kBlocking)) session.wait_generation = server.waiting_clients().generation();
  if (server.cluster().is_enabled() && session.authenticated &&
      (!IsServedHere(request, server, thread) || session.is_asking)) {
    const Redirection where = Redirect(*entry, request, server, thread, session, reply);
    if (where == Redirection::kReplied) return DispatchOutcome::kDone;
    if (where == Redirection::kWait) return DispatchOutcome::kPostponed;
    if (where == Redirection::kElsewhere) return DispatchOutcome::kElsewhere;
  }
  const uint32_t unmet = (server.needs().Get() & session.heeds) |
                         (session.authenticated ? 0u : uint32_t{kNeedsAuthentication}) | session.subscriber_needs;
  if ((entry->needs & unmet) != 0) {
    const Verdict verdict = Refuse(*entry, entry->needs & unmet, server, thread, session, argv, reply);
    if (verdict == Verdict::kWait) return DispatchOutcome::kPostponed;
    if (verdict == Verdict::kRefused) return DispatchOutcome::kDone;
  }
  session.card->last_command.store(&row, std::memory_order_relaxed);
  if (session.queue.is_open() && !row.Has(kRunsInMulti)) {
    Enqueue(*entry, server, thread, session, argv, reply);
    return DispatchOutcome::kDone;
  }
  thread.txn.no_touch = session.no_touch && !row.Has(kAlwaysTouches);
  LockFor(row, request, thread.txn);
  Invoke(*entry, server, thread, session, argv, reply);
  thread.txn.Unlock();
  if (session.key_wait != nullptr) server.waiting_clients().EndIfRefused(session.key_wait);
  return DispatchOutcome::kDone;
}

void RunTransaction(AdminCall& call) {
  Session& session = call.session;
  const std::vector<TransactionQueue::Queued> queued = session.queue.Close();
  storage::Txn& txn = call.txn;
  bool needs_all = false;
  for (const auto& each : queued) {
    const Command& row = *each.command->row;
    needs_all = needs_all || row.scope != Scope::kNothing || NeedsEverything(row, each.argv);
    ForEachKey(row, each.argv, [&](std::string_view key) { txn.AddKey(key); });
  }
  // Copies, as a transaction knows keys by their address and these may be unwatched while it runs.
  std::vector<std::pair<storage::DbIndex, std::string>> watched;
  watched.reserve(session.watch.keys.size());
  for (const auto& [key, watcher] : session.watch.keys) txn.AddKey(watched.emplace_back(key->db, key->key).second);
  if (needs_all) {
    txn.LockAll();
  } else {
    txn.LockAdded();
  }
  // A watched key whose time has run out is erased by this look, which marks the session.
  for (const auto& [db, key] : watched) txn.Find(db, key, storage::Intent::kCheck);
  const bool touched = session.watch.touched.load(std::memory_order_relaxed);
  session.UnwatchAll();
  if (touched) {
    call.reply.NullArray();
  } else {
    call.reply.Array(static_cast<int64_t>(queued.size()));
    session.in_exec = true;
    for (const auto& each : queued) {
      call.reply.set_protocol(session.protocol);
      txn.no_touch = session.no_touch && !each.command->row->Has(kAlwaysTouches);
      Invoke(*each.command, call.server, call.thread, session, each.argv, call.reply);
    }
    session.in_exec = false;
  }
  txn.Unlock();
  for (const auto& work : std::exchange(session.after_exec, {})) work();
}

}  // namespace ringkv::server
