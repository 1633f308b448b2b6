// SPDX-License-Identifier: MIT
#include "server/execution/hand_over.h"

#include <string>
#include <utility>

#include "resp/request_writer.h"
#include "server/execution/stages.h"
#include "server/replication/client_relay.h"
#include "server/replication/replication.h"

namespace ringkv::server {
namespace {

// Keys that are watched may have been changed at the new primary, which nobody here knows: as if they had.
bool GiveUpTransaction(Execution& execution) {
  execution.session().queue.Close();
  execution.session().UnwatchAll();
  execution.reply().NullArray();
  return false;
}

// The client as the new primary is told of it, with the request.
ClientRelay::Client Describe(const Execution& execution) {
  const Session& session = execution.session();
  ClientRelay::Client client{
      .card = session.card,
      .user = std::string(session.user.name()),
      .is_proven = !session.user.account()->permissions()->needs_no_password,
      .protocol = session.protocol,
      .db = session.db};
  if (session.queue.is_open()) {
    client.requests = resp::EncodeRequest({"MULTI"});
    for (const TransactionQueue::Queued& queued : session.queue.commands()) {
      client.requests += resp::EncodeRequest(std::span<const std::string_view>(queued.argv));
    }
    client.answered = 1 + session.queue.commands().size();
  }
  client.requests += resp::EncodeRequest(execution.argv());
  return client;
}

bool Relay(Execution& execution, ClientRelay& relay) {
  execution.outcome = outcome::HandOver{
      [&relay, client = Describe(execution)](transport::Channel channel, const std::string& unread) mutable {
        client.requests += unread;
        relay.Take(std::move(channel), std::move(client));
      }};
  return false;
}

// Another node can be told all that there is to the client, but for the keys that it watches.
bool CanBeDescribed(const Session& session) {
  return session.user.account() != nullptr && session.subscriptions.empty() && !session.reply_mode.is_silent() &&
         !session.is_monitor && !session.tracking.is_on && !session.follows_redirects && !session.speaks_node_link &&
         !session.card->is_http;
}

}  // namespace

bool IsPortable(const Session& session) { return session.watch.keys.empty() && CanBeDescribed(session); }

std::optional<bool> FollowHandOver(Execution& execution) {
  const ExecutionParts& parts = execution.parts();
  const Session& session = execution.session();
  if (!execution.MayWait() || parts.cluster.is_enabled()) return std::nullopt;
  const bool is_needed = !execution.runs_queued() || (session.queue.needs() & kNeedsNoHandOver) != 0;
  if (!is_needed || session.queue.has_failed()) return std::nullopt;
  ClientRelay& relay = parts.replication.relay();
  const bool is_held = parts.replication.failover().HoldsRequests();
  const bool has_gone = parts.replication.is_replica() && relay.IsOpenTo(*session.card) && CanBeDescribed(session);
  if (!is_held && !has_gone) return std::nullopt;
  // What is queued here the new primary is told with EXEC.
  if (session.queue.is_open() && !execution.row().Has(kRunsInMulti)) return true;
  if (is_held) return execution.Postpone({.is_blocked = true});
  if (session.watch.keys.empty()) return Relay(execution, relay);
  if (execution.runs_queued()) return GiveUpTransaction(execution);
  return std::nullopt;
}

}  // namespace ringkv::server
