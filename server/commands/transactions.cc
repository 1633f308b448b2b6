// SPDX-License-Identifier: MIT
// Several commands as one.
#include <optional>
#include <utility>

#include "server/command/error_replies.h"
#include "server/commands/families.h"
#include "server/composition/server.h"
#include "server/execution/caller.h"
#include "server/execution/stages.h"
#include "server/execution/transaction.h"
#include "server/scripts/scripts.h"
#include "server/session/session.h"

namespace ringkv::server {
namespace {

void Multi(AdminCall& call) {
  if (call.session.queue.is_open()) return call.reply.Error("ERR MULTI calls can not be nested");
  call.session.queue.Open();
  call.reply.Ok();
}

void Exec(AdminCall& call) {
  Session& session = call.session;
  if (!session.queue.is_open()) return call.reply.Error("ERR EXEC without MULTI");
  if (session.queue.has_failed()) {
    session.queue.Close();
    session.UnwatchAll();
    return call.reply.Error(errors::kExecAborted);
  }
  Scripts& scripts = call.server.scripts();
  if (session.queue.takes_turns() && call.may_wait) return scripts.RunTransaction(call);
  const bool may_stop = call.may_wait && call.execution.caller.may_hand_over && scripts.MayTakeTurns(call);
  if (std::optional<QueuedRun> rest = RunQueued(call, may_stop)) scripts.GoOnInTurns(call, std::move(*rest));
}

void Discard(AdminCall& call) {
  if (!call.session.queue.is_open()) return call.reply.Error("ERR DISCARD without MULTI");
  call.session.queue.Close();
  call.session.UnwatchAll();
  call.reply.Ok();
}

void Watch(AdminCall& call) {
  if (call.session.queue.is_open()) return call.reply.Error("ERR WATCH inside MULTI is not allowed");
  size_t bytes = call.session.watch.bytes;
  for (size_t i = 1; i < call.args.size(); ++i) bytes += WatchedKeys::MemoryOf(call.args[i]);
  if (bytes > static_cast<size_t>(call.server.options().client_query_buffer_limit.load())) {
    return call.reply.Error("ERR the watched keys exceed client-query-buffer-limit");
  }
  for (size_t i = 1; i < call.args.size(); ++i) {
    // Erases the key now if it has expired: later its erasure would count as a change. Not while a script holds it for
    // long: redis-server answers meanwhile too.
    if (call.txn.LockKey(call.args[i], !call.txn.skips_held())) {
      call.txn.Find(call.session.db, call.args[i], storage::Intent::kCheck);
      call.txn.Unlock();
    }
    call.session.Watch(call.session.db, call.args[i]);
  }
  call.reply.Ok();
}

void Unwatch(AdminCall& call) {
  call.session.UnwatchAll();
  call.reply.Ok();
}

constexpr uint32_t kTransactionFlags = kNoScript | kLoading | kStale | kFast | kAllowBusy;

constexpr Command kTransactionCommands[] = {
    {.name = "discard",
     .arity = 1,
     .flags = kTransactionFlags,
     .traits = kRunsInMulti | kEndsMulti,
     .group = Group::kTransactions,
     .since = "2.0.0",
     .complexity = "O(N) in the number of queued commands",
     .summary = "Discards the queued commands.",
     .run = Admin(Discard)},
    {.name = "exec",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kSkipSlowLog,
     .traits = kRunsInMulti | kEndsMulti | kRunsQueued,
     .group = Group::kTransactions,
     .since = "1.2.0",
     .complexity = "Depends on commands in the transaction",
     .summary = "Executes the queued commands atomically.",
     .run = Admin(Exec)},
    {.name = "multi",
     .arity = 1,
     .flags = kTransactionFlags,
     .traits = kRunsInMulti,
     .group = Group::kTransactions,
     .since = "1.2.0",
     .summary = "Starts a transaction.",
     .run = Admin(Multi)},
    {.name = "unwatch",
     .arity = 1,
     .flags = kTransactionFlags,
     .group = Group::kTransactions,
     .since = "2.2.0",
     .summary = "Stops watching all keys.",
     .run = Admin(Unwatch)},
    {.name = "watch",
     .arity = -2,
     .flags = kTransactionFlags,
     .traits = kRunsInMulti | kWatchesKeys | kLocksItself,
     .needs = kNeedsNoHandOver,
     .keys = KeysToEnd(kKeyRO),
     .group = Group::kTransactions,
     .since = "2.2.0",
     .complexity = "O(1) for each key",
     .syntax = "key [key ...]",
     .summary = "Watches keys; EXEC fails if one of them changes before.",
     .run = Admin(Watch)},
};
static_assert(RowsAreSound(kTransactionCommands));

}  // namespace

std::span<const Command> TransactionCommands() { return kTransactionCommands; }

}  // namespace ringkv::server
