// SPDX-License-Identifier: MIT
// SENTINEL: what clients of Sentinel ask, answered by a node of the shard itself (sentinel-master-name).
#include "server/sentinel/shard_watch.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "resp/integer_text.h"
#include "server/base/text.h"
#include "server/command/error_replies.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/composition/server.h"
#include "server/execution/administer.h"
#include "server/node_link/handshake.h"
#include "server/node_link/outward.h"
#include "server/node_link/peer_socket.h"
#include "server/report/info_page.h"
#include "server/sentinel/shard_reply.h"
#include "server/session/session.h"
#include "storage/base/glob.h"

namespace ringkv::server {
namespace {

constexpr std::string_view kNoSuchMaster = "ERR No such master with that name";

// The shard as it is told to this client.
ShardView ViewFor(AdminCall& call) {
  const ClientCard& card = *call.session.card;
  ShardView view =
      call.server.shard_watch().View(card.is_unix ? std::string_view() : HostOfAddress(card.local_address));
  view.PlaceSelf("127.0.0.1");  // a client on a Unix socket asks, and nobody has reached this node by a network yet
  return view;
}

// Whether the first argument names the shard of this node; else the error is the reply.
bool NamesShard(AdminCall& call) {
  if (call.server.shard_watch().AnswersFor(call.args[2])) return true;
  call.reply.Error(kNoSuchMaster);
  return false;
}

// The shard that the client asks for. Nothing if it is another one, or if this node has not heard yet who its primary
// is: then it answers as a Sentinel that does not know the shard, and clients ask the next one.
std::optional<ShardView> KnownShard(AdminCall& call) {
  if (!call.server.shard_watch().AnswersFor(call.args[2])) return std::nullopt;
  ShardView view = ViewFor(call);
  return view.primary.address.is_known() ? std::optional(std::move(view)) : std::nullopt;
}

// The same; without it, the error is the reply.
std::optional<ShardView> KnownShardOrError(AdminCall& call) {
  std::optional<ShardView> view = KnownShard(call);
  if (!view) call.reply.Error(kNoSuchMaster);
  return view;
}

// --- who is who -----------------------------------------------------------------------------------------------------

void GetPrimaryAddress(AdminCall& call) {
  const std::optional<ShardView> view = KnownShard(call);
  if (!view) return call.reply.NullArray();
  call.reply.Array(2);
  call.reply.Bulk(view->primary.address.host);
  call.reply.BulkInteger(view->primary.address.port);
}

void Primaries(AdminCall& call) {
  const ShardView view = ViewFor(call);
  const bool is_known = !view.service.empty() && view.primary.address.is_known();
  call.reply.Array(is_known ? 1 : 0);
  if (is_known) WritePrimary(call.reply, view);
}

void Primary(AdminCall& call) {
  if (const std::optional<ShardView> view = KnownShardOrError(call)) WritePrimary(call.reply, *view);
}

void ReplicasOfShard(AdminCall& call) {
  std::optional<ShardView> view = KnownShardOrError(call);
  if (!view) return;
  std::erase_if(view->replicas, [](const ShardNode& node) { return !node.report.is_announced; });
  call.reply.Array(static_cast<int64_t>(view->replicas.size()));
  for (const ShardNode& node : view->replicas) WriteReplica(call.reply, *view, node);
}

void Answering(AdminCall& call) {
  const std::optional<ShardView> view = KnownShardOrError(call);
  if (!view) return;
  call.reply.Array(static_cast<int64_t>(view->answering.size()));
  for (const ShardNode& node : view->answering) WriteAnswering(call.reply, *view, node);
}

void OwnId(AdminCall& call) { call.reply.Bulk(call.server.run_id()); }

// With a coordinator that elects, and only members of the in-sync set: how many nodes answer clients decides nothing.
void CheckElectable(const Replication::Election& election, const std::string& usable, resp::ReplyWriter& reply) {
  if (!election.is_answered) {
    return reply.Error("NOQUORUM " + usable + "etcd does not answer this node: nobody can be elected");
  }
  if (election.heirs == 0) {
    return reply.Error("NOQUORUM " + usable +
                       "No replica is in the in-sync set: nobody can be elected in place of the primary");
  }
  reply.Simple("OK " + usable + "etcd answers, and replicas that can be elected: " + std::to_string(election.heirs));
}

void CheckQuorum(AdminCall& call) {
  const std::optional<ShardView> known = KnownShardOrError(call);
  if (!known) return;
  const ShardView& view = *known;
  const std::string usable = std::to_string(view.usable()) + " usable Sentinels. ";
  Replication& replication = call.server.replication();
  if (replication.is_elected()) return CheckElectable(replication.election(), usable, call.reply);
  if (view.usable() >= view.majority()) {
    return call.reply.Simple("OK " + usable + "Quorum and failover authorization can be reached");
  }
  call.reply.Error("NOQUORUM " + usable +
                   "Not enough available Sentinels to reach the specified quorum for this master. Not enough available "
                   "Sentinels to reach the majority and authorize a failover");
}

// Asked by clients, whether the primary is down; by Sentinels for a vote too, of which this node has none.
void IsPrimaryDown(AdminCall& call) {
  const std::optional<int64_t> port = resp::ParseInteger(call.args[3]);
  if (!port || !resp::ParseInteger(call.args[4])) return call.reply.Error(errors::kNotInteger);
  const ShardNode primary = ViewFor(call).primary;
  const bool is_down = primary.is_down && primary.address == NodeAddress{std::string(call.args[2]), *port};
  call.reply.Array(3);
  call.reply.Integer(is_down ? 1 : 0);
  call.reply.Bulk("*");
  call.reply.Integer(0);
}

// This node keeps the INFO of no other.
void InfoCache(AdminCall& call) {
  const auto names = call.args.all().subspan(2);
  const bool is_asked = std::any_of(names.begin(), names.end(),
                                    [&](std::string_view name) { return call.server.shard_watch().AnswersFor(name); });
  if (!is_asked) return call.reply.Array(0);
  const ShardView view = ViewFor(call);
  const auto write = [&](const ShardNode& node) {
    call.reply.Array(2);
    call.reply.Integer(node.reported_ms);
    if (!node.is_self) return call.reply.Null();
    call.reply.Bulk(InfoPage(call.server.report_parts(), call.txn, {}));
  };
  call.reply.Array(2);
  call.reply.Bulk(view.service);
  call.reply.Array(static_cast<int64_t>(1 + view.replicas.size()));
  write(view.primary);
  for (const ShardNode& node : view.replicas) write(node);
}

void PendingScripts(AdminCall& call) { call.reply.Array(0); }

// --- what changes something -----------------------------------------------------------------------------------------

void Reset(AdminCall& call) {
  const std::string name = call.server.options().sentinel_master_name.Get();
  if (name.empty() || !storage::GlobMatches(call.args[2], name)) return call.reply.Integer(0);
  call.server.shard_watch().Reset();
  call.reply.Integer(1);
}

// Whether the client has logged in as nodes do.
bool IsUserOfNodes(const AdminCall& call) {
  const std::string user = call.server.options().masteruser.Get();
  return call.session.user.name() == (user.empty() ? "default" : user);
}

// This node sends masterauth to whom it is introduced, and believes it. So only a node may introduce one.
void Meet(AdminCall& call) {
  if (!NamesShard(call)) return;
  if (!IsUserOfNodes(call)) {
    return call.reply.Error("NOPERM only nodes introduce one another: by the user masteruser, or default without one");
  }
  const std::optional<int64_t> port = resp::ParseInteger(call.args[4]);
  if (!port || !IsNodePort(*port)) return call.reply.Error("ERR Invalid port");
  const ClientCard& card = *call.session.card;
  const std::string host(call.args[3].empty() && !card.is_unix ? HostOfAddress(card.address) : call.args[3]);
  if (!IsNodeHost(host)) return call.reply.Error("ERR Invalid host");
  call.server.shard_watch().Introduce({host, *port});
  call.reply.Ok();
}

// As Sentinel chooses: by priority, then by offset, then by id. Only those whom the primary serves come into question;
// the address is the one by which it knows them.
std::optional<NodeAddress> BestReplica(const ShardView& view) {
  const auto rank = [](const ShardNode& node) {
    return std::make_tuple(node.report.priority, -node.report.offset, node.report.run_id);
  };
  const ShardNode* best = nullptr;
  for (const ShardNode& node : view.replicas) {
    const bool can = !node.is_down && node.report.is_linked && node.report.priority != 0 && node.report.epoch &&
                     node.served_at.is_known();
    if (can && (best == nullptr || rank(node) < rank(*best))) best = &node;
  }
  return best == nullptr ? std::nullopt : std::optional(best->served_at);
}

constexpr int64_t kHandOverMs = 10'000;

void HandOverHere(Failover& failover, const ShardView& view, resp::ReplyWriter& reply) {
  if (failover.state() != Failover::State::kNone) return reply.Error("INPROG Failover already in progress");
  const std::optional<NodeAddress> best = BestReplica(view);
  if (!best) return reply.Error("NOGOODSLAVE No suitable replica to promote");
  const storage::Status begun =
      failover.Begin({.target = PrimaryAddress{best->host, static_cast<int>(best->port)}, .timeout_ms = kHandOverMs});
  begun ? reply.Ok() : reply.Error("NOGOODSLAVE No suitable replica to promote: " + begun.error().text);
}

// Only a primary can hand its role over without losing a write, so a replica passes the request on: as FAILOVER, which
// no replica passes on any further.
void AskPrimary(const Options& options, const ShardView& view, const std::atomic<bool>& stop,
                resp::ReplyWriter& reply) {
  constexpr int64_t kAnswerMs = 2000;
  const NodeAddress& primary = view.primary.address;
  const auto fail = [&](const std::string& why) {
    reply.Error("NOGOODSLAVE the primary " + primary.Text() + " can't be asked to hand its role over (" + why +
                "); REPLICAOF NO ONE promotes a replica without it");
  };
  const std::optional<NodeAddress> best = BestReplica(view);
  if (view.primary.is_down) return fail("it is down");
  if (!view.is_primary_known || !best) return reply.Error("NOGOODSLAVE No suitable replica to promote");
  const auto socket =
      PeerSocket::Connect(primary.host, static_cast<int>(primary.port), kAnswerMs, stop, ToPrimary(options));
  if (!socket) return fail(socket.error().text);
  if (const storage::Status known = Authenticate(**socket, options, kAnswerMs); !known) {
    return fail(known.error().text);
  }
  const auto answer =
      Ask(**socket, kAnswerMs,
          {"FAILOVER", "TO", best->host, std::to_string(best->port), "TIMEOUT", std::to_string(kHandOverMs)});
  answer ? reply.Ok() : fail(answer.error().text);
}

void FailOverShard(AdminCall& call) {
  if (!NamesShard(call)) return;
  if (call.server.redis_link().is_running()) {
    return call.reply.Error("ERR FAILOVER is not possible while migrate-from is set");
  }
  Administer(call, Administration::Lane::kRoles,
             [&server = call.server, view = ViewFor(call)](resp::ReplyWriter& reply) {
               if (view.primary.is_self) return HandOverHere(server.replication().failover(), view, reply);
               AskPrimary(server.options(), view, server.shard_watch().interrupted(), reply);
             });
}

// --- what a Sentinel is told and a node is not ----------------------------------------------------------------------

void NoConfiguration(AdminCall& call) {
  call.reply.Error(
      "ERR this is a node of the shard and no Sentinel process: it finds its shard by itself, and its options "
      "sentinel-master-name and sentinel-down-after-milliseconds are all there is to set");
}

constexpr Command Tells(std::string_view name, AdminHandler run, int arity, std::string_view syntax,
                        std::string_view since, std::string_view summary) {
  return {.name = name,
          .parent = "sentinel",
          .arity = arity,
          .flags = kAdmin | kNoScript | kStale,
          .group = Group::kServer,
          .since = since,
          .syntax = syntax,
          .summary = summary,
          .run = Admin(run)};
}

constexpr Command Refuses(std::string_view name, int arity, std::string_view syntax, std::string_view since) {
  return Tells(name, NoConfiguration, arity, syntax, since, "Refused: a node has no Sentinel configuration.");
}

constexpr Command kSentinelCommands[] = {
    {.name = "sentinel",
     .arity = -2,
     .flags = kAdmin | kNoScript | kStale,
     .group = Group::kServer,
     .since = "2.8.4",
     .complexity = "Depends on subcommand.",
     .summary = "Container of the commands of Sentinel, with sentinel-master-name.",
     .is_container = true},
    Tells("ckquorum", CheckQuorum, 3, "master-name", "2.8.4",
          "Tells whether a majority of the nodes that answer for the shard is there."),
    Refuses("config", -3, "operation [argument ...]", "6.2.0"),
    Refuses("debug", -2, "[parameter value ...]", "7.0.0"),
    Tells("failover", FailOverShard, 3, "master-name", "2.8.4",
          "Hands the role of the primary over to the best replica, without losing a write."),
    Refuses("flushconfig", 2, "", "2.8.4"),
    Tells("get-master-addr-by-name", GetPrimaryAddress, 3, "master-name", "2.8.4",
          "Returns the address of the primary."),
    {.name = "help",
     .parent = "sentinel",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = Group::kServer,
     .since = "6.2.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    Tells("info-cache", InfoCache, -3, "master-name [master-name ...]", "3.2.0",
          "Lists the nodes of the shard, with the INFO of this one."),
    Tells("is-master-down-by-addr", IsPrimaryDown, 6, "ip port current-epoch runid", "2.8.4",
          "Tells whether this node holds the primary for down. It has no vote."),
    Tells("master", Primary, 3, "master-name", "2.8.4", "Describes the primary."),
    Tells("masters", Primaries, 2, "", "2.8.4", "Describes the primary of this node's shard."),
    Tells("meet", Meet, 5, "master-name host port", "7.0.0",
          "Introduces another node that answers for the shard; nodes send it."),
    Refuses("monitor", 6, "master-name ip port quorum", "2.8.4"),
    Tells("myid", OwnId, 2, "", "6.2.0", "Returns the id by which other nodes list this one."),
    Tells("pending-scripts", PendingScripts, 2, "", "2.8.4", "Returns an empty list: there are no scripts."),
    Refuses("remove", 3, "master-name", "2.8.4"),
    Tells("replicas", ReplicasOfShard, 3, "master-name", "5.0.0", "Describes the replicas."),
    Tells("reset", Reset, 3, "pattern", "2.8.4", "Forgets nodes of the shard that are down."),
    Tells("sentinels", Answering, 3, "master-name", "2.8.4", "Describes the other nodes that answer for the shard."),
    Refuses("set", -5, "master-name option value [option value ...]", "2.8.4"),
    Refuses("simulate-failure", -3, "mode [mode ...]", "3.2.0"),
    Tells("slaves", ReplicasOfShard, 3, "master-name", "2.8.0", "Describes the replicas."),
};
static_assert(RowsAreSound(kSentinelCommands));

}  // namespace

std::span<const Command> SentinelCommands() { return kSentinelCommands; }

}  // namespace ringkv::server
