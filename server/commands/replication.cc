// SPDX-License-Identifier: MIT
// REPLICAOF, FAILOVER, ROLE and WAIT for operators; REPLCONF, PSYNC and SYNC for servers and for redis-cli --rdb.
#include "server/replication/replication.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "cluster/link/link_words.h"
#include "cluster/node_id.h"
#include "server/base/text.h"
#include "server/cluster/cluster_state.h"
#include "server/command/error_replies.h"
#include "server/command/expiry_time.h"
#include "server/commands/families.h"
#include "server/composition/server.h"
#include "server/execution/administer.h"
#include "server/execution/denials.h"
#include "server/execution/outcome.h"
#include "server/execution/stages.h"
#include "server/migration/rdb_stream.h"
#include "server/session/session.h"
#include "server/users/users.h"

namespace ringkv::server {
namespace {

// --- for people -----------------------------------------------------------------------------------------------------

constexpr std::string_view kFailingOver = "ERR REPLICAOF not allowed while failing over.";

// Unless a failover has begun since it was asked for.
void ChangeRole(AdminCall& call, std::function<void()> change) {
  Replication& replication = call.server.replication();
  Failover& failover = replication.failover();
  Administer(call, Administration::Lane::kRoles,
             [&replication, &failover, change = std::move(change)](resp::ReplyWriter& reply) {
               if (failover.state() != Failover::State::kNone) return reply.Error(kFailingOver);
               change();
               replication.relay().EndAll();  // they write where this server's data is not, or will not be, the same
               reply.Ok();
             });
}

void ReplicaOf(AdminCall& call) {
  if (call.server.cluster().is_enabled()) return call.reply.Error("ERR REPLICAOF not allowed in cluster mode.");
  Replication& replication = call.server.replication();
  if (replication.is_elected()) return call.reply.Error(errors::kElected);
  if (replication.failover().state() != Failover::State::kNone) return call.reply.Error(kFailingOver);
  if (EqualsIgnoringCase(call.args[1], "no") && EqualsIgnoringCase(call.args[2], "one")) {
    call.server.options().replicaof.Set("");
    call.server.options().migrate_from.Set("");
    return ChangeRole(call, [&replication, &redis_link = call.server.redis_link()] {
      redis_link.Stop();
      replication.StopFollowing();
    });
  }
  const std::optional<int64_t> port = resp::ParseInteger(call.args[2]);
  if (!port || *port <= 0 || *port > 65535) return call.reply.Error("ERR Invalid master port");
  const std::string host(call.args[1]);
  // The options tell what an earlier command of a transaction has asked for and Administration has yet to do.
  const std::string asked_for = call.server.options().replicaof.Get();
  const PrimaryAddress now = asked_for.empty() ? PrimaryAddress() : ParseAddress(asked_for);
  if (now.host == host && now.port == *port) {
    return call.reply.Simple("OK Already connected to specified master");
  }
  if (call.server.redis_link().is_running() && !call.server.options().migrate_from.Get().empty()) {
    return call.reply.Error("ERR this server follows a Redis server (migrate-from); REPLICAOF NO ONE ends that first");
  }
  call.server.log().Notice("REPLICAOF " + host + ":" + std::to_string(*port) + " requested by " +
                           call.session.card->address);
  call.server.options().replicaof.Set(host + " " + std::to_string(*port));  // what CONFIG REWRITE keeps
  ChangeRole(call, [&replication, host, port = static_cast<int>(*port)] { replication.Follow({host, port}); });
}

// Reads what stands behind FAILOVER, or writes the error.
std::optional<Failover::Request> ParseFailover(AdminCall& call) {
  Failover::Request request;
  Arguments& args = call.args;
  const auto fail = [&](std::string_view error) {
    call.reply.Error(error);
    return std::nullopt;
  };
  while (!args.AtEnd()) {
    if (request.timeout_ms == 0 && args.TakeWithValue("TIMEOUT")) {
      const std::optional<int64_t> timeout = resp::ParseInteger(args.Next());
      if (!timeout) return fail(errors::kNotInteger);
      if (*timeout <= 0) return fail("ERR FAILOVER timeout must be greater than 0");
      request.timeout_ms = *timeout;
    } else if (!request.target && args.Left() > 2 && args.Take("TO")) {
      const std::string host(args.Next());
      const std::optional<int64_t> port = resp::ParseInteger(args.Next());
      if (!port) return fail(errors::kNotInteger);
      request.target = PrimaryAddress{host, static_cast<int>(std::clamp<int64_t>(*port, -1, UINT16_MAX + 1))};
    } else if (!request.force && args.Take("FORCE")) {
      request.force = true;
    } else {
      return fail(errors::kSyntax);
    }
  }
  return request;
}

void ReplyStatus(resp::ReplyWriter& reply, const storage::Status& status) {
  status ? reply.Ok() : reply.Error(status.error().text);
}

void FailOver(AdminCall& call) {
  if (call.server.cluster().is_enabled()) {
    return call.reply.Error("ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.");
  }
  Failover& failover = call.server.replication().failover();
  if (call.args.size() == 2 && call.args.Take("ABORT")) {
    if (failover.state() == Failover::State::kNone) return call.reply.Error("ERR No failover in progress.");
    return Administer(call, Administration::Lane::kRoles,
                      [&failover](resp::ReplyWriter& reply) { ReplyStatus(reply, failover.Abort()); });
  }
  const std::optional<Failover::Request> request = ParseFailover(call);
  if (!request) return;
  if (call.server.redis_link().is_running()) {
    return call.reply.Error("ERR FAILOVER is not possible while migrate-from is set");
  }
  if (const storage::Status possible = failover.Check(*request); !possible) {
    return call.reply.Error(possible.error().text);
  }
  Administer(call, Administration::Lane::kRoles, [&failover, request = *request](resp::ReplyWriter& reply) {
    ReplyStatus(reply, failover.Begin(request));
  });
}

std::string_view PhaseName(LinkPhase phase) {
  switch (phase) {
    case LinkPhase::kNone: return "none";
    case LinkPhase::kConnect: return "connect";
    case LinkPhase::kConnecting: return "connecting";
    case LinkPhase::kSync: return "sync";
    case LinkPhase::kConnected: return "connected";
  }
  return "unknown";
}

void Role(AdminCall& call) {
  Replication& replication = call.server.replication();
  if (replication.is_replica()) {
    PrimaryLink& link = replication.link();
    const PrimaryAddress primary = link.target();
    call.reply.Array(5);
    call.reply.Bulk("slave");
    call.reply.Bulk(primary.host);
    call.reply.Integer(primary.port);
    call.reply.Bulk(PhaseName(link.phase()));
    call.reply.Integer(link.phase() == LinkPhase::kConnected ? static_cast<int64_t>(link.last()) : -1);
    return;
  }
  std::vector<ReplicaStatus> replicas = replication.feeds().replicas();
  std::erase_if(replicas, [](const auto& each) { return each.state != FeedState::kOnline; });
  call.reply.Array(3);
  call.reply.Bulk("master");
  call.reply.Integer(replication.feeds().offsets().last);
  call.reply.Array(static_cast<int64_t>(replicas.size()));
  for (const ReplicaStatus& replica : replicas) {
    call.reply.Array(3);
    call.reply.Bulk(replica.host);
    call.reply.BulkInteger(replica.port);
    call.reply.BulkInteger(replica.offset);
  }
}

void Wait(AdminCall& call) {
  Replication& replication = call.server.replication();
  if (replication.is_replica()) {
    return call.reply.Error(
        "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is "
        "configured to be writable (which is not the default) writes to replicas are just local and are not "
        "propagated.");
  }
  const std::optional<int64_t> replicas = resp::ParseInteger(call.args[1]);
  if (!replicas) return call.reply.Error(errors::kNotInteger);
  const std::optional<int64_t> timeout = resp::ParseInteger(call.args[2]);
  if (!timeout) return call.reply.Error("ERR timeout is not an integer or out of range");
  if (*timeout < 0) return call.reply.Error("ERR timeout is negative");
  const size_t there = replication.feeds().CountAcknowledged(call.session.last_lsn);
  if (*replicas <= 0 || there >= static_cast<size_t>(*replicas) || !call.may_wait) {
    return call.reply.Integer(static_cast<int64_t>(there));
  }
  call.outcome = outcome::ReplicaWait{
      .lsn = call.session.last_lsn,
      .replicas = static_cast<size_t>(*replicas),
      .deadline_ms = *timeout == 0 ? INT64_MAX : MillisecondsFrom(call.server.clock().SteadyMs(), *timeout)};
  call.server.store().log().Wake();
  replication.feeds().AskForAcks(call.session.last_lsn);
}

// WAIT for disks. Replicas acknowledge what they have applied, and whether it is on their disks only their appendfsync
// tells: they are never counted, and who waits for them waits for the timeout.
void WaitAof(AdminCall& call) {
  const std::optional<int64_t> local = resp::ParseInteger(call.args[1]);
  if (!local) return call.reply.Error(errors::kNotInteger);
  if (*local < 0 || *local > 1) return call.reply.Error("ERR value is out of range, value must between 0 and 1");
  const std::optional<int64_t> replicas = resp::ParseInteger(call.args[2]);
  if (!replicas || *replicas < 0) return call.reply.Error(errors::kNotPositive);
  const std::optional<int64_t> timeout = resp::ParseInteger(call.args[3]);
  if (!timeout) return call.reply.Error("ERR timeout is not an integer or out of range");
  if (*timeout < 0) return call.reply.Error("ERR timeout is negative");
  if (call.server.replication().is_replica()) {
    return call.reply.Error(
        "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local "
        "and are not propagated.");
  }
  if (*local == 1 && call.server.options().appendonly == 0) return call.reply.Error(errors::kNoLogToWaitFor);
  const size_t there = call.server.data().CountDurable(call.session.last_lsn);
  if ((there >= static_cast<size_t>(*local) && *replicas == 0) || !call.may_wait) {
    call.reply.Array(2);
    call.reply.Integer(static_cast<int64_t>(there));
    return call.reply.Integer(0);
  }
  call.outcome = outcome::ReplicaWait{
      .lsn = call.session.last_lsn,
      .replicas = static_cast<size_t>(*replicas),
      .is_for_disks = true,
      .local = static_cast<size_t>(*local),
      .deadline_ms = *timeout == 0 ? INT64_MAX : MillisecondsFrom(call.server.clock().SteadyMs(), *timeout)};
  if (*local > 0) call.server.data().HastenLog();
}

// --- for servers ----------------------------------------------------------------------------------------------------

// The requests that follow are of a client of a former primary, which passes them on: this connection becomes that
// client's. Who may do everything could log in as anybody; but a client that needed no password there does not get
// around one here. False: the error is the reply.
bool RelaysFor(AdminCall& call, std::string_view user, bool is_proven) {
  const auto fail = [&](std::string_view error) {
    call.reply.Error(error);
    return false;
  };
  const ExecutionParts& parts = call.server.execution_parts();
  if (call.session.user.account() == nullptr || RestrictedUser(parts, call.session) != nullptr) {
    return fail("NOPERM only a user who may do everything passes on requests of others");
  }
  const bool serves = (parts.needs.Get() & (kNeedsWritable | kNeedsLease)) == 0;
  if (!serves || call.server.replication().is_replica()) return fail("TRYAGAIN this node is no primary");
  std::shared_ptr<UserAccount> account = call.server.users().Find(user);
  if (account == nullptr || !account->permissions()->is_enabled) return fail("NOPERM there is no such user here");
  if (!is_proven && !account->permissions()->needs_no_password) return fail("NOPERM this user needs a password here");
  call.session.BecomeUser(std::move(account));
  call.session.is_relayed = true;
  // WAIT counts replicas that have what the client has written elsewhere.
  call.session.last_lsn = call.server.store().log().appended();
  return true;
}

void ReplConf(AdminCall& call) {
  if (call.args.size() % 2 == 0) return call.reply.Error(errors::kSyntax);
  ClientCard& card = *call.session.card;
  while (!call.args.AtEnd()) {
    if (call.args.Take("LISTENING-PORT")) {
      const std::optional<int64_t> port = resp::ParseInteger(call.args.Next());
      if (!port) return call.reply.Error(errors::kNotInteger);
      card.replica_port = static_cast<int>(*port);  // of which others make what they can
    } else if (call.args.Take("IP-ADDRESS")) {
      constexpr size_t kLongestAddress = 255;
      if (call.args.Peek().size() > kLongestAddress) {
        return call.reply.Error("ERR REPLCONF ip-address provided by replica instance is too long: " +
                                std::to_string(call.args.Peek().size()) + " bytes");
      }
      card.replica_host.Set(std::string(call.args.Next()));
    } else if (call.args.Take("CAPA")) {
      const std::string_view capability = call.args.Next();
      if (EqualsIgnoringCase(capability, "eof")) call.session.takes_end_mark = true;
      if (EqualsIgnoringCase(capability, "psync2")) call.session.takes_new_history = true;
      if (EqualsIgnoringCase(capability, cluster::kLinkCapability)) call.session.speaks_node_link = true;
      if (EqualsIgnoringCase(capability, cluster::kPublishCapability)) call.session.takes_published = true;
    } else if (call.args.Take(cluster::kLinkOption)) {
      if (call.args.Next() != cluster::kLinkVersion) {
        return call.reply.Error("ERR this node speaks version " + std::string(cluster::kLinkVersion) +
                                " of the node link");
      }
    } else if (call.args.Take(cluster::kNodeOption)) {
      const std::string id = call.server.replication().member_id();
      if (const std::string_view meant = call.args.Next(); meant != id) {
        return call.reply.Error("ERR this is node " + id + ", not " + std::string(meant));
      }
    } else if (call.args.Take(cluster::kRelayOption)) {
      if (!RelaysFor(call, call.args.Next(), true)) return;
    } else if (call.args.Take(cluster::kUnprovenRelayOption)) {
      if (!RelaysFor(call, call.args.Next(), false)) return;
    } else if (call.args.Take("RDB-ONLY")) {
      const std::optional<int64_t> flag = resp::ParseInteger(call.args.Next());
      if (!flag) return call.reply.Error(errors::kNotInteger);
      if (*flag != 0 && *flag != 1) {
        return call.reply.Error("ERR value is out of range, value must between 0 and 1");
      }
      call.session.wants_rdb_only = *flag == 1;
    } else if (call.args.Take("RDB-FILTER-ONLY")) {
      if (!call.session.wants_rdb_only) {
        return call.reply.Error("ERR a replica gets all data: rdb-filter-only is for files, send rdb-only 1 before it");
      }
      for (const std::string_view part : Words(call.args.Next())) {
        if (EqualsIgnoringCase(part, "functions")) continue;
        return call.reply.Error("ERR Unsupported rdb-filter-only option: " + std::string(part));
      }
      call.session.wants_no_keys = true;
    } else if (call.args.Take("ACK") || call.args.Take("GETACK")) {
      return;  // between servers, on another connection; nobody gets a reply
    } else {
      return call.reply.Error("ERR Unrecognized REPLCONF option: " + std::string(call.args.Peek()));
    }
  }
  call.reply.Ok();
}

// A replica may lead others while it knows all that they need, and there is a limit of how many.
bool MayHaveReplica(AdminCall& call) {
  const storage::Status admitted = call.server.replication().CheckAdmission();
  if (!admitted) call.reply.Error(admitted.error().text);
  return admitted.has_value();
}

void HandToRedisFeed(AdminCall& call, RedisSyncRequest request) {
  if (!MayHaveReplica(call)) return;
  call.session.card->is_replica = true;
  call.outcome = outcome::HandOver{[&replication = call.server.replication(), card = call.session.card,
                                    request = std::move(request)](transport::Channel channel, std::string unread) {
    replication.AdmitRedis(std::move(channel), std::move(unread), card, request);
  }};
}

void Sync(AdminCall& call) {
  if (call.session.wants_rdb_only && call.session.takes_end_mark) {
    call.server.log().Notice("sending an RDB file to " + call.session.card->address);
    const storage::DbIndex databases = call.session.wants_no_keys ? 0 : call.server.store().databases();
    call.outcome = outcome::Stream{std::make_unique<RdbStream>(databases, call.server.chance().UniqueDigits())};
    return;
  }
  HandToRedisFeed(call, {.takes_end_mark = call.session.takes_end_mark});
}

// After a takeover no error may follow: the old primary would take its role back.
void TakeOver(Replication& replication, const TakeoverRequest& takeover, transport::Channel channel,
              const std::string& unread, const std::shared_ptr<ClientCard>& card, const FeedRequest& request) {
  if (const storage::Status taken = replication.TakeOver(takeover); !taken) {
    const std::string error = "-" + taken.error().text + "\r\n";
    channel.Send(error.data(), error.size());
    return;
  }
  replication.Admit(std::move(channel), unread, card, request);
}

void PSync(AdminCall& call) {
  const std::optional<int64_t> next = resp::ParseInteger(call.args[2]);
  if (!next || *next < -1) return call.reply.Error(errors::kNotInteger);
  if (!call.session.speaks_node_link) {
    return HandToRedisFeed(call, {.acknowledges = true,
                                  .history = std::string(call.args[1]),
                                  .next = *next,
                                  .takes_end_mark = call.session.takes_end_mark,
                                  .takes_new_history = call.session.takes_new_history});
  }
  Replication& replication = call.server.replication();
  const std::string_view member = call.args.size() > 3 ? call.args[3] : std::string_view();
  if (!member.empty() && !cluster::IsNodeId(member)) return call.reply.Error(errors::kSyntax);
  std::optional<TakeoverRequest> takeover;
  if (call.args.size() > 4 && EqualsIgnoringCase(call.args[4], "FAILOVER")) {
    const bool anyway = call.args.size() > 5 && EqualsIgnoringCase(call.args[5], "FORCE");
    takeover = TakeoverRequest{std::string(call.args[1]), static_cast<storage::Lsn>(*next), anyway};
    const storage::Status possible = replication.CheckTakeOver(*takeover);
    if (!possible) return call.reply.Error(possible.error().text);
  } else if (!MayHaveReplica(call)) {
    return;
  }
  call.session.card->is_replica = true;
  FeedRequest request{{std::string(call.args[1])},
                      *next > 0 ? static_cast<storage::Lsn>(*next) : 0,
                      std::string(member),
                      call.session.takes_published};
  if (call.args.size() > 4 && EqualsIgnoringCase(call.args[4], "ALSO")) {
    const auto also = call.args.all().subspan(5).first(std::min(call.args.size() - 5, cluster::History::kMostEarlier));
    request.histories.insert(request.histories.end(), also.begin(), also.end());
  }
  if (takeover) {
    call.outcome = outcome::HandOver{[&replication, &administration = call.execution.parts().administration,
                                      card = call.session.card, takeover = *takeover,
                                      request = std::move(request)](transport::Channel channel, std::string unread) {
      const auto shared = std::make_shared<transport::Channel>(std::move(channel));
      administration.Do(Administration::Lane::kRoles, [&replication, card, takeover, request, shared, unread] {
        TakeOver(replication, takeover, std::move(*shared), unread, card, request);
      });
    }};
    return;
  }
  call.outcome = outcome::HandOver{[&replication, card = call.session.card, request = std::move(request)](
                                       transport::Channel channel, std::string unread) {
    replication.Admit(std::move(channel), std::move(unread), card, request);
  }};
}

constexpr uint32_t kFollows = kAdmin | kNoScript | kNoAsyncLoading | kNoMulti;

constexpr uint32_t kLeads = kAdmin | kNoScript | kStale | kNoAsyncLoading;

constexpr Command kReplicationCommands[] = {
    {.name = "failover",
     .arity = -1,
     .flags = kAdmin | kNoScript | kStale,
     .group = Group::kServer,
     .since = "6.2.0",
     .syntax = "[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]",
     .summary = "Hands the role of the primary over to a replica.",
     .run = Admin(FailOver)},
    {.name = "psync",
     .arity = -3,
     .flags = kFollows,
     .group = Group::kServer,
     .since = "2.8.0",
     .syntax = "replicationid offset [argument ...]",
     .summary = "Starts replication over this connection.",
     .run = Admin(PSync)},
    {.name = "replconf",
     .arity = -1,
     .flags = kAdmin | kNoScript | kLoading | kStale | kAllowBusy,
     .traits = kOfLinks | kNeverPaused,
     .group = Group::kServer,
     .since = "3.0.0",
     .syntax = "[option value ...]",
     .summary = "Describes the replica before SYNC or PSYNC.",
     .run = Admin(ReplConf)},
    {.name = "replicaof",
     .arity = 3,
     .flags = kLeads,
     .traits = kRunsWhileReplacing,
     .group = Group::kServer,
     .since = "5.0.0",
     .syntax = "<host port | NO ONE>",
     .summary = "Makes the server a replica of another one, or with NO ONE a primary.",
     .run = Admin(ReplicaOf)},
    {.name = "role",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast,
     .traits = kOnlyShows,
     .group = Group::kServer,
     .categories = "admin dangerous",
     .since = "2.8.12",
     .summary = "Returns the replication role and its state.",
     .run = Admin(Role)},
    {.name = "slaveof",
     .arity = 3,
     .flags = kLeads,
     .traits = kRunsWhileReplacing,
     .group = Group::kServer,
     .since = "1.0.0",
     .syntax = "<host port | NO ONE>",
     .summary = "Does the same as REPLICAOF (deprecated).",
     .run = Admin(ReplicaOf)},
    {.name = "sync",
     .arity = 1,
     .flags = kFollows,
     .group = Group::kServer,
     .since = "1.0.0",
     .complexity = "O(N) in the number of keys, while others are served",
     .summary = "Sends all data as an RDB file, then all changes as commands.",
     .run = Admin(Sync)},
    {.name = "wait",
     .arity = 3,
     .flags = kNoScript,
     .needs = kNeedsNoHandOver,
     .group = Group::kGeneric,
     .categories = "connection",
     .tips = "request_policy:all_shards response_policy:agg_min",
     .since = "3.0.0",
     .syntax = "numreplicas timeout",
     .summary = "Blocks until the given number of replicas has acknowledged the writes of this connection.",
     .run = Admin(Wait)},
    {.name = "waitaof",
     .arity = 4,
     .flags = kNoScript | kBlocking,
     .needs = kNeedsNoHandOver,
     .group = Group::kGeneric,
     .categories = "connection",
     .tips = "request_policy:all_shards response_policy:agg_min",
     .since = "7.2.0",
     .syntax = "numlocal numreplicas timeout",
     .summary = "Blocks until the writes of this connection are on the disk of this server.",
     .run = Admin(WaitAof)},
};
static_assert(RowsAreSound(kReplicationCommands));

}  // namespace

std::span<const Command> ReplicationCommands() { return kReplicationCommands; }

}  // namespace ringkv::server
