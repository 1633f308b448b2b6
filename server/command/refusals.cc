// SPDX-License-Identifier: MIT
#include "server/command/refusals.h"

#include <algorithm>
#include <string>

#include "server/command/error_replies.h"
#include "server/server.h"
#include "server/session/session.h"

namespace ringkv::server {
namespace {

using storage::Eviction;

constexpr std::string_view kDebugNotAllowed =
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a "
    "local connection, otherwise you need to set this option in the configuration file, and then restart the server.";

// What the request would do to memory: EXEC does what was queued.
bool DeniedWhenOutOfMemory(const CommandEntry& entry, const Session& session) {
  if (entry.row->Is(kDenyOom)) return true;
  if (!session.queue.is_open()) return false;
  if (entry.row->Has(kRunsQueued)) {
    return std::any_of(session.queue.commands().begin(), session.queue.commands().end(),
                       [](const auto& queued) { return queued.command->row->Is(kDenyOom); });
  }
  return !entry.row->Has(kEndsMulti);
}

// Evicts until memory is below its limit. False if that can't be done.
bool MakeRoom(Server& server, ThreadState& thread) {
  constexpr uint64_t kMostMicroseconds = 500;  // then this request goes on, and the next one evicts further
  const Eviction outcome = server.memory().MakeRoom(thread.txn, thread.evictor, kMostMicroseconds);
  if (outcome == Eviction::kOutOfTime) thread.statistics.evictions_out_of_time.Add(1);
  return outcome != Eviction::kNothingToEvict;
}

bool WritesNow(const CommandEntry& entry, const Session& session) {
  return entry.row->Is(kWrite) || (entry.row->Has(kRunsQueued) && (session.queue.needs() & kNeedsWritable) != 0);
}

// EXEC needs what was queued needs.
bool NeedsNow(const CommandEntry& entry, const Session& session, uint32_t need) {
  return !entry.row->Has(kRunsQueued) || (session.queue.needs() & need) != 0;
}

// As Reject; what EXEC is refused for stands behind EXECABORT.
void Deny(const CommandEntry& entry, std::string_view error, ThreadState& thread, Session& session,
          resp::ReplyWriter& reply) {
  if (!entry.row->Has(kRunsQueued)) return Reject(&entry, error, thread, session, reply);
  if (error.starts_with("ERR ")) error.remove_prefix(4);
  Reject(&entry, std::string(errors::kExecRefused).append(error), thread, session, reply);
}

}  // namespace

void Reject(const CommandEntry* entry, std::string_view error, ThreadState& thread, Session& session,
            resp::ReplyWriter& reply) {
  reply.Error(error);
  if (entry != nullptr && entry->row->Has(kRunsQueued)) {
    session.queue.Close();
    session.UnwatchAll();
  } else {
    session.queue.MarkFailed();
  }
  if (entry != nullptr) thread.statistics.per_command[entry->index].rejected.Add(1);
  thread.statistics.CountError(reply.last_error_code());
}

Verdict Refuse(const CommandEntry& entry, uint32_t unmet, Server& server, ThreadState& thread, Session& session,
               std::span<const std::string_view>, resp::ReplyWriter& reply) {
  const auto debug = static_cast<DebugCommand>(server.options().enable_debug_command.load());
  if ((unmet & kNeedsDebugAllowed) != 0 && !(debug == DebugCommand::kLocal && session.card->is_local)) {
    Deny(entry, kDebugNotAllowed, thread, session, reply);
    return Verdict::kRefused;
  }
  if ((unmet & kNeedsAuthentication) != 0) {
    Deny(entry, errors::kNoAuth, thread, session, reply);
    return Verdict::kRefused;
  }
  if ((unmet & kNeedsMemoryChecked) != 0 && !MakeRoom(server, thread) && DeniedWhenOutOfMemory(entry, session)) {
    Deny(entry, errors::kOutOfMemory, thread, session, reply);
    return Verdict::kRefused;
  }
  if ((unmet & kNeedsHealthyDisk) != 0 && (WritesNow(entry, session) || (entry.row->needs & kNeedsHealthyDisk) != 0)) {
    const std::string log_failure = server.durability().log().failure();
    Deny(entry,
         log_failure.empty() ? std::string(errors::kSnapshotFailed) : std::string(errors::kLogFailed) + log_failure,
         thread, session, reply);
    return Verdict::kRefused;
  }
  if ((unmet & kNeedsReplicas) != 0 && WritesNow(entry, session)) {
    Deny(entry, errors::kNoReplicas, thread, session, reply);
    return Verdict::kRefused;
  }
  const bool needs_role = (unmet & kNeedsWritable) != 0 && WritesNow(entry, session);
  if (needs_role && !server.replication().WillBeWritable()) {
    Deny(entry, errors::kReadOnly, thread, session, reply);
    return Verdict::kRefused;
  }
  if ((unmet & kNeedsNoSubscription) != 0) {
    Deny(entry,
         "ERR Can't execute '" + entry.full_name +
             "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "
             "RESET are allowed in this context",
         thread, session, reply);
    return Verdict::kRefused;
  }
  if ((unmet & kNeedsFreshData) != 0 && NeedsNow(entry, session, kNeedsFreshData)) {
    Deny(entry, errors::kMasterDown, thread, session, reply);
    return Verdict::kRefused;
  }
  // A replica that waits for its primary's data can be told to give that up.
  const bool ends_loading = server.data().is_replacing() && entry.row->Has(kEndsReplacing);
  if ((unmet & kNeedsLoaded) != 0 && !ends_loading && NeedsNow(entry, session, kNeedsLoaded)) {
    Deny(entry, errors::kLoading, thread, session, reply);
    return Verdict::kRefused;
  }
  if (needs_role || ((unmet & kNeedsLogRoom) != 0 && WritesNow(entry, session))) return Verdict::kWait;
  const bool may_wait =
      (unmet & kNeedsNoPause) != 0 || ((unmet & kNeedsNoWritePause) != 0 && WritesNow(entry, session));
  if (may_wait && server.pause().IsOn(server.clock().SteadyMs())) return Verdict::kWait;
  return Verdict::kAllowed;
}

void RefuseUnknown(Server& server, ThreadState& thread, Session& session, std::span<const std::string_view> argv,
                   resp::ReplyWriter& reply) {
  constexpr size_t kLongestShown = 128;
  // Requests of another protocol that a web page can make a browser send end here.
  if (EqualsIgnoringCase(argv[0], "host:") || EqualsIgnoringCase(argv[0], "post")) {
    server.log().Warning("closing " + session.card->address +
                         ": it speaks HTTP to the Redis port; somebody may be trying to attack through a browser");
    session.close_now = true;
    return;
  }
  if (const CommandEntry* container = server.commands().FindName(argv[0])) {
    const std::string help = UpperCase(container->row->name);
    Reject(nullptr,
           "ERR unknown subcommand '" + std::string(argv[1].substr(0, kLongestShown)) + "'. Try " + help + " HELP.",
           thread, session, reply);
    return;
  }
  // As in Redis a NUL byte ends what is shown.
  const auto shorten = [](std::string_view text, size_t most) {
    return std::string(text.substr(0, std::min(most, text.find('\0'))));
  };
  std::string shown;
  for (size_t i = 1; i < argv.size() && shown.size() < kLongestShown; ++i) {
    shown += "'" + shorten(argv[i], kLongestShown - shown.size()) + "' ";
  }
  Reject(nullptr, "ERR unknown command '" + shorten(argv[0], kLongestShown) + "', with args beginning with: " + shown,
         thread, session, reply);
}

void RefuseArity(const CommandEntry& entry, ThreadState& thread, Session& session, resp::ReplyWriter& reply) {
  Deny(entry, "ERR wrong number of arguments for '" + entry.full_name + "' command", thread, session, reply);
}

void Enqueue(const CommandEntry& entry, Server& server, ThreadState& thread, Session& session,
             std::span<const std::string_view> argv, resp::ReplyWriter& reply) {
  if (entry.row->Is(kNoMulti)) {
    Reject(&entry, "ERR Command not allowed inside a transaction", thread, session, reply);
    return;
  }
  const auto limit = static_cast<size_t>(server.options().client_query_buffer_limit.load());
  if (session.queue.MemoryBytes() > limit) {
    Reject(&entry, "ERR the queued commands of this transaction exceed client-query-buffer-limit", thread, session,
           reply);
    return;
  }
  // Once it has failed nothing of it will run: what comes after need not be kept.
  if (!session.queue.has_failed()) session.queue.Add(entry, argv);
  reply.Simple("QUEUED");
}

}  // namespace ringkv::server
