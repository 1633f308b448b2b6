// SPDX-License-Identifier: MIT
#include "server/execution/execution.h"

#include "server/blocking/waiting_clients.h"
#include "server/execution/route.h"
#include "server/execution/stages.h"
#include "server/execution/transaction.h"
#include "server/replication/replication.h"

namespace ringkv::server {
namespace {

// The needs of the command that are not met now.
uint32_t UnmetNeeds(const CommandEntry& entry, const Caller& caller) {
  const Session& session = caller.session;
  const uint32_t unmet = (caller.parts.needs.Get() & session.checked_needs) |
                         (session.authenticated ? 0u : uint32_t{kNeedsAuthentication}) | session.subscriber_needs |
                         (session.follows_redirects ? uint32_t{kNeedsPrimary} : 0u) |
                         (session.is_relayed ? uint32_t{kNeedsOwnConnection} : 0u);
  return entry.needs & unmet;
}

bool IsPermitted(Execution& execution) {
  execution.unmet = UnmetNeeds(*execution.entry, execution.caller);
  return (execution.unmet & kPermissions) == 0 || Permit(execution);
}

bool IsHere(Execution& execution) {
  const Caller& caller = execution.caller;
  if (!caller.parts.cluster.is_enabled()) return true;
  const bool is_plain = !caller.session.is_asking && IsServedHere(execution.request, caller.parts, caller.thread);
  return is_plain || Route(execution);
}

bool IsAdmitted(Execution& execution) {
  const bool is_plain = (execution.unmet & ~kPermissions) == 0 && !execution.session().is_monitor;
  return is_plain || Admit(execution);
}

// CLIENT CACHING is for the next command, unless that is about clients, as in Redis.
void NoteCaching(Execution& execution) {
  const bool is_of_client = execution.entry != nullptr && execution.row().parent == "client";
  execution.session().tracking.ends_caching = !is_of_client;
}

// While a transaction is open most commands are queued instead.
bool RunsNow(Execution& execution) {
  Session& session = execution.session();
  if (!session.queue.is_open() || execution.row().Has(kRunsInMulti)) return true;
  Enqueue(execution);
  return false;
}

}  // namespace

Outcome Execute(const Caller& caller, const Request& request) {
  Outcome outcome;
  Execution execution{.caller = caller, .request = request, .outcome = outcome};
  const bool is_found = FindCommand(execution);
  if (caller.session.tracking.is_caching) [[unlikely]]
    NoteCaching(execution);
  if (!is_found) return outcome;
  WaitingClients& waiting = caller.parts.waiting_clients;
  if (execution.row().Is(kBlocking)) execution.wait_generation = waiting.generation();
  if (!IsPermitted(execution) || !IsHere(execution) || !IsAdmitted(execution) || !RunsNow(execution)) return outcome;
  if (!LockKeys(execution.row(), request, caller.txn())) {
    execution.Postpone();
    return outcome;
  }
  Run(execution);
  // What may have been read behind the end of the lease waits for a lease, even if no group has changed it.
  const bool needs_lease = (execution.entry->needs & kNeedsLease) != 0;
  if (needs_lease && caller.parts.replication.is_fenced()) caller.txn().DependOn(1);
  caller.txn().Unlock();
  if (const auto* wait = std::get_if<outcome::KeyWait>(&outcome)) waiting.EndIfRefused(wait->request);
  return outcome;
}

std::optional<storage::Lsn> ExecutePart(const Caller& caller, const ProxyPart& part) {
  const ClusterView& view = ViewOf(caller.parts, caller.thread);
  if (part.shard != view.here.shard || !view.here.is_primary) return std::nullopt;
  Caller alone = caller;
  alone.may_ask_others = false;
  if (!Execute(alone, {.argv = part.argv}).is_done()) return std::nullopt;
  return caller.txn().depends_on();
}

}  // namespace ringkv::server
