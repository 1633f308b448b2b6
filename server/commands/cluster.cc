// SPDX-License-Identifier: MIT
// What clients and people ask of a cluster, and how it is changed.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/migration/owned_slots.h"
#include "cluster/node_id.h"
#include "cluster/watch/node_news.h"
#include "server/base/text.h"
#include "server/cluster/cluster_state.h"
#include "server/cluster/node_watch_thread.h"
#include "server/cluster/slot_moves.h"
#include "server/command/error_replies.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "server/composition/server.h"
#include "server/execution/administer.h"
#include "server/execution/outcome.h"
#include "server/session/session.h"
#include "storage/transaction/walk.h"

namespace ringkv::server {
namespace {

using cluster::Node;
using cluster::Shard;
using cluster::SlotRange;
using cluster::Topology;

constexpr std::string_view kLedgerIsOpen = "ERR this node does not know yet which slots its shard owns";

// Runs the handler with the view of now, if this is a node of a cluster.
template <void (*Handle)(AdminCall&, const ClusterView&)>
void InCluster(AdminCall& call) {
  if (!call.server.cluster().is_enabled()) return call.reply.Error(errors::kClusterDisabled);
  Handle(call, *call.server.cluster().view());
}

// A line in the format of Redis' CLUSTER NODES: id, address, flags, primary, two ping times (always 0 here), epoch,
// link state, slots.
std::string DescribeNode(const ClusterView& view, const Node& node) {
  const Topology& topology = view.topology;
  const Shard& shard = topology.shards()[node.shard];
  const ShownNode& shown = view.Shown(node);
  std::string line = node.public_id + " " + shown.ip + ":" + std::to_string(shown.port) + "@0";
  if (!shown.hostname.empty()) line += "," + shown.hostname;
  line += node.id == view.id ? " myself," : " ";
  line += node.is_primary ? "master" : "slave";
  if (shown.has_failed) line += ",fail";
  line += " " + (node.is_primary ? "-" : topology.nodes()[shard.primary()].public_id);
  line += " 0 0 " + std::to_string(topology.epoch()) + (shown.has_failed ? " disconnected" : " connected");
  const std::vector<SlotRange> ranges = view.slots.RangesOf(node.shard);
  if (node.is_primary && !ranges.empty()) line += " " + PrintRanges(ranges);
  return line;
}

void Slots(AdminCall& call, const ClusterView& view) {
  if (const EndpointType type = call.server.cluster().endpoint_type(); type != EndpointType::kIp) {
    return call.reply.Raw(SerialiseSlots(view, call.session.protocol, type));
  }
  call.reply.Raw(call.session.protocol == 3 ? view.slots_resp3 : view.slots_resp2);
}

void Nodes(AdminCall& call, const ClusterView& view) {
  std::string text;
  for (const Node& node : view.topology.nodes()) text += DescribeNode(view, node) + "\n";
  call.reply.Verbatim(text, "txt");
}

void Shards(AdminCall& call, const ClusterView& view) {
  const Topology& topology = view.topology;
  call.reply.Array(static_cast<int64_t>(topology.shards().size()));
  for (size_t i = 0; i < topology.shards().size(); ++i) {
    const Shard& shard = topology.shards()[i];
    const std::vector<SlotRange> ranges = view.slots.RangesOf(static_cast<cluster::ShardIndex>(i));
    call.reply.Map(2);
    call.reply.Bulk("slots");
    call.reply.Array(static_cast<int64_t>(2 * ranges.size()));
    for (const SlotRange& range : ranges) {
      call.reply.Integer(range.first);
      call.reply.Integer(range.last);
    }
    call.reply.Bulk("nodes");
    call.reply.Array(static_cast<int64_t>(shard.members.size()));
    for (const size_t member : shard.members) {
      const Node& node = topology.nodes()[member];
      const bool is_self = node.id == view.id;
      const ShownNode& shown = view.Shown(node);
      call.reply.Map(shown.hostname.empty() ? 7 : 8);
      call.reply.Bulk("id");
      call.reply.Bulk(node.public_id);
      call.reply.Bulk("port");
      call.reply.Integer(shown.port);
      call.reply.Bulk("ip");
      call.reply.Bulk(shown.ip);
      call.reply.Bulk("endpoint");
      call.reply.Bulk(shown.Endpoint(call.server.cluster().endpoint_type()));
      if (!shown.hostname.empty()) {
        call.reply.Bulk("hostname");
        call.reply.Bulk(shown.hostname);
      }
      call.reply.Bulk("role");
      call.reply.Bulk(node.is_primary ? "master" : "replica");
      call.reply.Bulk("replication-offset");
      call.reply.Integer(is_self ? static_cast<int64_t>(call.server.store().log().appended()) : 0);
      call.reply.Bulk("health");
      const bool is_loading = is_self && call.server.data().is_replacing();
      call.reply.Bulk(shown.has_failed ? "fail" : is_loading ? "loading" : "online");
    }
  }
}

void Info(AdminCall& call, const ClusterView& view) {
  const Topology& topology = view.topology;
  size_t serving = 0;
  for (size_t i = 0; i < topology.shards().size(); ++i) {
    serving += view.slots.CountOf(static_cast<cluster::ShardIndex>(i)) > 0 ? 1 : 0;
  }
  const std::string epoch = std::to_string(topology.epoch());
  const size_t assigned = view.CountAssigned();
  const size_t covered = view.CountCovered();
  call.reply.Verbatim(
      std::string("cluster_state:") + (call.server.cluster().IsDown(view) ? "fail" : "ok") +
          "\r\ncluster_slots_assigned:" + std::to_string(assigned) + "\r\ncluster_slots_ok:" + std::to_string(covered) +
          "\r\ncluster_slots_pfail:0\r\ncluster_slots_fail:" + std::to_string(assigned - covered) +
          "\r\ncluster_known_nodes:" + std::to_string(topology.nodes().size()) + "\r\ncluster_size:" +
          std::to_string(serving) + "\r\ncluster_current_epoch:" + epoch + "\r\ncluster_my_epoch:" + epoch +
          "\r\ncluster_stats_messages_sent:0\r\ncluster_stats_messages_received:0\r\n"
          "total_cluster_links_buffer_limit_exceeded:0\r\n",
      "txt");
}

void MyId(AdminCall& call, const ClusterView& view) { call.reply.Bulk(view.self().public_id); }

// A name that no node has, so that no node has this id.
void MyShardId(AdminCall& call, const ClusterView& view) {
  call.reply.Bulk(cluster::NodeIdOf("shard " + view.shard_name()));
}

// Outside of clusters, too: so clients can tell which keys would be together.
void KeySlot(AdminCall& call) { call.reply.Integer(storage::KeySlot(call.args[2])); }

// There is no bus: nodes know each other from the cluster-config.
void Links(AdminCall& call, const ClusterView&) { call.reply.Array(0); }

// Visits the keys of the slot until `visit` has had enough and says false.
template <typename Visitor>
void ForEachKeyOf(storage::Txn& txn, size_t slot, Visitor&& visit) {
  constexpr size_t kAtOnce = 256;
  const uint64_t end = storage::FirstPositionOf(slot + 1);
  uint64_t cursor = storage::FirstPositionOf(slot);
  bool goes_on = true;
  do {
    cursor = Walk(txn, 0, cursor, kAtOnce, [&](const storage::Entry& entry) {
      if (goes_on && storage::KeySlot(entry.key()) == slot) goes_on = visit(entry.key());
    });
  } while (goes_on && cursor != 0 && cursor < end);
}

void CountKeysInSlot(AdminCall& call, const ClusterView&) {
  const std::optional<int64_t> slot = resp::ParseInteger(call.args[2]);
  if (!slot) return call.reply.Error(errors::kNotInteger);
  if (*slot < 0 || *slot >= static_cast<int64_t>(storage::kSlots)) return call.reply.Error("ERR Invalid slot");
  int64_t count = 0;
  ForEachKeyOf(call.txn, static_cast<size_t>(*slot), [&](std::string_view) { return ++count > 0; });
  call.reply.Integer(count);
}

void GetKeysInSlot(AdminCall& call, const ClusterView&) {
  const std::optional<int64_t> slot = resp::ParseInteger(call.args[2]);
  const std::optional<int64_t> most = resp::ParseInteger(call.args[3]);
  if (!slot || !most) return call.reply.Error(errors::kNotInteger);
  if (*slot < 0 || *slot >= static_cast<int64_t>(storage::kSlots) || *most < 0) {
    return call.reply.Error("ERR Invalid slot or number of keys");
  }
  std::vector<std::string> keys;
  if (*most > 0) {
    ForEachKeyOf(call.txn, static_cast<size_t>(*slot), [&](std::string_view key) {
      keys.emplace_back(key);
      return static_cast<int64_t>(keys.size()) < *most;
    });
  }
  call.reply.Array(static_cast<int64_t>(keys.size()));
  for (const std::string& key : keys) call.reply.Bulk(key);
}

const Node* FindNode(AdminCall& call, const ClusterView& view) {
  const Node* node = view.topology.FindNode(call.args[2]);
  if (node == nullptr) call.reply.Error("ERR Unknown node " + std::string(call.args[2]));
  return node;
}

void Replicas(AdminCall& call, const ClusterView& view) {
  const Node* primary = FindNode(call, view);
  if (primary == nullptr) return;
  if (!primary->is_primary) return call.reply.Error("ERR The specified node is not a master");
  const std::vector<size_t>& members = view.topology.shards()[primary->shard].members;
  call.reply.Array(static_cast<int64_t>(members.size() - 1));
  for (size_t i = 1; i < members.size(); ++i) {
    call.reply.Bulk(DescribeNode(view, view.topology.nodes()[members[i]]));
  }
}

void CountFailureReports(AdminCall& call, const ClusterView& view) {
  if (FindNode(call, view) != nullptr) call.reply.Integer(0);
}

constexpr std::string_view kNotInTransaction = "ERR this command isn't allowed inside a transaction";

void Reload(AdminCall& call, const ClusterView&) {
  if (call.in_transaction) return call.reply.Error(kNotInTransaction);
  if (call.args.size() > 3) return call.reply.Error(errors::kSyntax);
  std::optional<std::string> text;
  if (call.args.size() == 3) text = call.args[2];
  Administer(call, Administration::Lane::kRoles,
             [&cluster = call.server.cluster(), text = std::move(text)](resp::ReplyWriter& reply) {
               const storage::Status reloaded = text ? cluster.Reload(*text) : cluster.Reload();
               reloaded ? reply.Ok() : reply.Error("ERR " + reloaded.error().text);
             });
}

// In one line, for other nodes: the epoch, the shard, the slots that it owns now.
void Owned(AdminCall& call, const ClusterView& view) {
  if (!view.here.is_primary) return call.reply.Error("ERR this node is a replica; its primary knows");
  if (!call.server.cluster().knows_ledger()) return call.reply.Error(kLedgerIsOpen);
  const cluster::SlotSet slots = call.server.cluster().ledger().OwnedBy(view.shard_name());
  // What it owned at one epoch is not said of another.
  if (call.server.cluster().epoch() != view.topology.epoch()) return call.reply.Error(kLedgerIsOpen);
  call.reply.Simple(cluster::PrintOwned({.epoch = view.topology.epoch(), .shard = view.shard_name(), .slots = slots}));
}

// In one line, for other nodes: how this one is to be shown to clients.
void Announced(AdminCall& call, const ClusterView&) { call.reply.Simple(PrintNews(NewsOf(call.server.options()))); }

void Pull(AdminCall& call, const ClusterView& view) {
  if (call.in_transaction) return call.reply.Error(kNotInTransaction);
  const std::optional<int64_t> epoch = resp::ParseInteger(call.args[2]);
  if (!epoch || *epoch <= 0) return call.reply.Error(errors::kNotInteger);
  const auto now = static_cast<int64_t>(view.topology.epoch());
  if (*epoch != now) return call.reply.Error("ERR this node is at epoch " + std::to_string(now));
  if (!view.here.is_primary) return call.reply.Error("ERR this node is a replica");
  if (!call.server.cluster().knows_ledger()) return call.reply.Error(kLedgerIsOpen);
  const cluster::ShardIndex shard = view.topology.FindShard(call.args[3]);
  if (shard == cluster::kNoShard || shard == view.here.shard) {
    return call.reply.Error("ERR '" + std::string(call.args[3]) + "' is no other shard");
  }
  const auto owned = cluster::ParseRanges(call.args.size() > 4 ? Words(call.args[4]) : std::vector<std::string_view>());
  if (!owned) return call.reply.Error("ERR " + owned.error().text);
  const PullRequest request{view.topology.epoch(), std::string(call.args[3]), cluster::SlotsIn(*owned)};
  SlotMoves& moves = call.server.cluster().moves();
  call.outcome =
      outcome::HandOver{[&moves, card = call.session.card, request](transport::Channel channel, const std::string&) {
        moves.Admit(std::move(channel), card, request);
      }};
}

void Moves(AdminCall& call, const ClusterView&) {
  const std::vector<SlotMoves::Progress> all = call.server.cluster().moves().progress();
  call.reply.Array(static_cast<int64_t>(all.size()));
  for (const SlotMoves::Progress& each : all) {
    call.reply.Map(6);
    call.reply.Bulk("from");
    call.reply.Bulk(each.from);
    call.reply.Bulk("to");
    call.reply.Bulk(each.to);
    call.reply.Bulk("slots-left");
    call.reply.Integer(static_cast<int64_t>(each.slots_left));
    call.reply.Bulk("slots");
    call.reply.Integer(static_cast<int64_t>(each.slots));
    call.reply.Bulk("keys");
    call.reply.Integer(static_cast<int64_t>(each.keys));
    call.reply.Bulk("failure");
    call.reply.Bulk(each.failure);
  }
}

void PrintTopology(AdminCall& call, const ClusterView& view) { call.reply.Verbatim(view.topology.Print(), "txt"); }

void Asking(AdminCall& call, const ClusterView&) {
  call.session.is_asking = true;
  call.reply.Ok();
}

void ByConfigOnly(AdminCall& call, const ClusterView&) {
  call.reply.Error(
      "ERR the cluster-config assigns slots and roles; write one with a higher epoch and send CLUSTER RELOAD to each "
      "node");
}

void Help(AdminCall& call, const ClusterView&) { ReplyHelp(call); }

// Outside of clusters it is for clients that are sent to the primary.
void SetReadsFromReplica(AdminCall& call, bool reads_from_replica) {
  if (!call.server.cluster().is_enabled() && !call.session.follows_redirects)
    return call.reply.Error(errors::kClusterDisabled);
  call.session.reads_from_replica = reads_from_replica;
  call.reply.Ok();
}

void ReadFromReplica(AdminCall& call) { SetReadsFromReplica(call, true); }
void ReadFromPrimary(AdminCall& call) { SetReadsFromReplica(call, false); }

constexpr uint32_t kTells = kStale;
constexpr uint32_t kChanges = kAdmin | kNoAsyncLoading | kStale;

// A command that Redis' clusters are put together with.
constexpr Command ByHand(std::string_view name, int arity, std::string_view syntax, std::string_view since) {
  return {.name = name,
          .parent = "cluster",
          .arity = arity,
          .flags = kChanges,
          .group = Group::kCluster,
          .since = since,
          .syntax = syntax,
          .summary = "Refused, because the cluster-config assigns slots and roles.",
          .run = Admin(InCluster<ByConfigOnly>)};
}

constexpr Command Tells(std::string_view name, AdminHandler run, std::string_view since, std::string_view summary,
                        int arity = 2, std::string_view syntax = {}, Scope scope = Scope::kNothing) {
  return {.name = name,
          .parent = "cluster",
          .arity = arity,
          .flags = kTells,
          .traits = kOnlyShows,
          .scope = scope,
          .group = Group::kCluster,
          .since = since,
          .syntax = syntax,
          .summary = summary,
          .run = Admin(run)};
}

constexpr Command Varying(Command row) {
  row.tips = "nondeterministic_output";
  return row;
}

constexpr Command NotInScripts(Command row) {
  row.flags = (row.flags | kNoScript) & ~uint32_t{kNoAsyncLoading};
  return row;
}

constexpr Command NeverPaused(Command row) {
  row.traits |= kNeverPaused;
  return row;
}

// A node that runs a long script is there.
constexpr Command AnsweredWhileBusy(Command row) {
  row.flags |= kAllowBusy;
  return row;
}

// Tools ask for it again and again, like what nodes of Redis tell each other over a bus of their own.
constexpr Command NotMonitored(Command row) {
  row.flags |= kSkipMonitor;
  return row;
}

constexpr Command ForAdmins(Command row) {
  row.flags |= kAdmin;
  return Varying(row);
}

constexpr Command kClusterCommands[] = {
    {.name = "asking",
     .arity = 1,
     .flags = kFast,
     .traits = kChangesSession,
     .group = Group::kCluster,
     .categories = "connection",
     .since = "3.0.0",
     .summary = "Announces that the next command follows an ASK redirect.",
     .run = Admin(InCluster<Asking>)},
    {.name = "cluster",
     .arity = -2,
     .group = Group::kCluster,
     .since = "3.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "Container of cluster commands.",
     .is_container = true},
    ByHand("addslots", -3, "slot [slot ...]", "3.0.0"),
    ByHand("addslotsrange", -4, "start-slot end-slot [start-slot end-slot ...]", "7.0.0"),
    AnsweredWhileBusy(
        NeverPaused(ForAdmins(Tells("announced", InCluster<Announced>, "7.0.0",
                                    "Returns the address that clients are told of this node, for other nodes.")))),
    Varying(ByHand("bumpepoch", 2, "", "3.0.0")),
    ForAdmins(Tells("count-failure-reports", InCluster<CountFailureReports>, "3.0.0",
                    "Returns the number of failure reports about a node.", 3, "node-id")),
    Tells("countkeysinslot", InCluster<CountKeysInSlot>, "3.0.0", "Counts the keys of a slot on this node.", 3, "slot",
          Scope::kWalks),
    ByHand("delslots", -3, "slot [slot ...]", "3.0.0"),
    ByHand("delslotsrange", -4, "start-slot end-slot [start-slot end-slot ...]", "7.0.0"),
    ByHand("failover", -2, "[FORCE | TAKEOVER]", "3.0.0"),
    ByHand("flushslots", 2, "", "3.0.0"),
    ByHand("forget", 3, "node-id", "3.0.0"),
    Varying(Tells("getkeysinslot", InCluster<GetKeysInSlot>, "3.0.0", "Returns keys of a slot on this node.", 4,
                  "slot count", Scope::kWalks)),
    {.name = "help",
     .parent = "cluster",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = Group::kCluster,
     .since = "5.0.0",
     .summary = "Lists the subcommands.",
     .run = Admin(InCluster<Help>)},
    Varying(Tells("info", InCluster<Info>, "3.0.0", "Returns the state of the cluster.")),
    Tells("keyslot", KeySlot, "3.0.0", "Returns the slot of a key.", 3, "key"),
    Varying(Tells("links", InCluster<Links>, "7.0.0",
                  "Returns the links of the cluster bus; there is no bus, so the reply is empty.")),
    ByHand("meet", -4, "ip port [cluster-bus-port]", "3.0.0"),
    NotMonitored(Varying(Tells("moves", InCluster<Moves>, "7.0.0", "Returns the slot migrations in progress."))),
    Tells("myid", InCluster<MyId>, "3.0.0", "Returns the id of this node."),
    Tells("myshardid", InCluster<MyShardId>, "7.2.0", "Returns the id of this node's shard."),
    Varying(Tells("nodes", InCluster<Nodes>, "3.0.0", "Lists all nodes.")),
    ForAdmins(
        Tells("owned", InCluster<Owned>, "7.0.0", "Returns the slots that this node's shard owns, for other nodes.")),
    {.name = "pull",
     .parent = "cluster",
     .arity = -4,
     .flags = kChanges | kNoMulti,
     .group = Group::kCluster,
     .since = "7.0.0",
     .syntax = "epoch shard [slots]",
     .summary = "Starts a slot migration to another shard over this connection.",
     .run = Admin(InCluster<Pull>)},
    {.name = "reload",
     .parent = "cluster",
     .arity = -2,
     .flags = kChanges,
     .group = Group::kCluster,
     .since = "7.0.0",
     .syntax = "[config]",
     .summary = "Reloads the cluster-config, or replaces it by this text, if the epoch is higher.",
     .run = Admin(InCluster<Reload>)},
    ForAdmins(Tells("replicas", InCluster<Replicas>, "5.0.0", "Lists the replicas of a primary.", 3, "node-id")),
    ByHand("replicate", 3, "node-id", "3.0.0"),
    NotInScripts(ByHand("reset", -2, "[HARD | SOFT]", "3.0.0")),
    ByHand("saveconfig", 2, "", "3.0.0"),
    ByHand("set-config-epoch", 3, "config-epoch", "3.0.0"),
    ByHand("setslot", -4, "slot <IMPORTING | MIGRATING | NODE | STABLE> [node-id]", "3.0.0"),
    Varying(Tells("shards", InCluster<Shards>, "7.0.0", "Lists all shards with their slots and nodes.")),
    ForAdmins(Tells("slaves", InCluster<Replicas>, "3.0.0", "Lists the replicas of a primary.", 3, "node-id")),
    Varying(Tells("slots", InCluster<Slots>, "3.0.0", "Lists ranges of slots with their nodes.")),
    Tells("topology", InCluster<PrintTopology>, "7.0.0", "Returns the current cluster-config, with its slots."),
    {.name = "readonly",
     .arity = 1,
     .flags = kLoading | kStale | kFast,
     .traits = kNeverPaused | kChangesSession,
     .group = Group::kCluster,
     .categories = "connection",
     .since = "3.0.0",
     .summary = "Enables reads from a replica for this connection.",
     .run = Admin(ReadFromReplica)},
    {.name = "readwrite",
     .arity = 1,
     .flags = kLoading | kStale | kFast,
     .traits = kChangesSession,
     .group = Group::kCluster,
     .categories = "connection",
     .since = "3.0.0",
     .summary = "Disables reads from a replica for this connection.",
     .run = Admin(ReadFromPrimary)},
};
static_assert(RowsAreSound(kClusterCommands));

}  // namespace

std::span<const Command> ClusterCommands() { return kClusterCommands; }

}  // namespace ringkv::server
