// SPDX-License-Identifier: MIT
// Brings a cluster-config to the nodes of a running cluster, or says what that would move.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <set>
#include <string>
#include <thread>

#include "cluster/migration/slot_ledger.h"
#include "cluster_admin/jobs.h"
#include "cluster_admin/running_cluster.h"

namespace ringkv::cluster_admin {
namespace {

using cluster::Node;
using cluster::ShardIndex;
using cluster::SlotMap;
using cluster::Topology;
using storage::Fail;
using storage::Result;
using storage::Status;

constexpr auto kChangeNap = std::chrono::milliseconds(100);

// The cluster as it is and as it is to be.
struct Change {
  Topology target;
  SlotMap now;                                // with the target's numbers of shards
  std::vector<size_t> keys_of;                // by shard
  bool slots_are_given = false;               // by the file
  std::vector<std::string> behind;            // ids of nodes that have another topology yet
  std::map<std::string, Address> reached_at;  // by id: where nodes are reached from here
};

Result<std::unique_ptr<NodeClient>> ConnectTo(const Change& change, const Node& node) {
  const auto known = change.reached_at.find(node.id);
  const Address at = known == change.reached_at.end() ? Address{node.host, node.port} : known->second;
  Result<std::unique_ptr<NodeClient>> client = NodeClient::Connect(at.host, at.port);
  if (client) return client;
  const bool has_none = NodeClient::IsRefused(at.host, at.port);
  return Fail("node '" + node.id + "': " + client.error().text +
              (has_none ? "; start a new node with this file first" : ""));
}

Status LearnAddresses(const std::vector<Address>& addresses, Change* change) {
  for (const Address& at : addresses) {
    const Result<std::unique_ptr<NodeClient>> client = NodeClient::Connect(at.host, at.port);
    if (!client) return tl::unexpected(client.error());
    const Result<resp::Reply> id = (*client)->Ask({"CLUSTER", "MYID"});
    if (!id) return tl::unexpected(id.error());
    const Node* node = change->target.FindNode(id->text);
    if (node == nullptr) {
      return Fail("the node at " + at.host + ":" + std::to_string(at.port) + " is '" + id->text +
                  "', which the file does not list");
    }
    change->reached_at[node->id] = at;
  }
  return {};
}

// Adds what the shard's primary says. An error if that makes no sense beside what the file says.
Status LookAt(const Node& node, Change* change) {
  Result<std::unique_ptr<NodeClient>> client = ConnectTo(*change, node);
  if (!client) return tl::unexpected(client.error());
  const Result<cluster::OwnedSlots> owned = AskWhatItOwns(**client);
  if (!owned) return tl::unexpected(owned.error());
  const ShardIndex shard = change->target.FindShard(owned->shard);
  if (shard != node.shard)
    return Fail("node '" + node.id + "' is of shard '" + owned->shard + "' in the running cluster");
  for (const cluster::SlotRange& range : cluster::RangesIn(owned->slots)) change->now.Give(range, shard);
  const Result<resp::Reply> keys = (*client)->Ask({"DBSIZE"});
  if (!keys) return tl::unexpected(keys.error());
  change->keys_of[shard] = static_cast<size_t>(keys->integer);
  return {};
}

// A node that has this epoch already, from an earlier attempt, perhaps, or from its start: the slots of that one count.
Status LookForTopologies(Change* change) {
  const auto is_alike = [&](const Topology& other) {
    return other.WithSlots(change->now).Print() == change->target.WithSlots(change->now).Print();
  };
  bool is_settled = change->slots_are_given;
  for (const Node& node : change->target.nodes()) {
    Result<std::unique_ptr<NodeClient>> client = ConnectTo(*change, node);
    if (!client) return tl::unexpected(client.error());
    const Result<resp::Reply> text = (*client)->Ask({"CLUSTER", "TOPOLOGY"});
    if (!text) return tl::unexpected(text.error());
    const Result<Topology> known = Topology::Parse(text->text);
    if (!known) return Fail("node '" + node.id + "' has an invalid topology: " + known.error().text);
    if (known->epoch() < change->target.epoch()) {
      change->behind.push_back(node.id);
    } else if (!is_settled && is_alike(*known)) {
      change->target = *known;
      is_settled = true;
    } else if (text->text != change->target.Print()) {
      return Fail("node '" + node.id + "' has another topology of epoch " + std::to_string(known->epoch()) +
                  " already: give the file a higher epoch");
    }
  }
  return {};
}

Result<Change> Examine(const std::string& path, const std::vector<Address>& addresses) {
  Result<Topology> target = ReadTopology(path);
  if (!target) return tl::unexpected(target.error());
  Change change{.target = std::move(*target),
                .now = cluster::SlotMap(),
                .keys_of = {},
                .slots_are_given = false,
                .behind = {},
                .reached_at = {}};
  change.keys_of.resize(change.target.shards().size());
  change.slots_are_given = change.target.has_given_slots();
  if (Status learnt = LearnAddresses(addresses, &change); !learnt) return tl::unexpected(learnt.error());
  for (const cluster::Shard& shard : change.target.shards()) {
    if (Status looked = LookAt(change.target.nodes()[shard.primary()], &change); !looked) {
      return tl::unexpected(looked.error());
    }
  }
  const size_t unknown = change.now.CountOf(cluster::kNoShard);
  if (unknown > 0 && unknown < storage::kSlots) {
    return Fail(std::to_string(unknown) + " slots are owned by no shard of the file; a shard that leaves is listed " +
                "with weight 0 until its slots have moved");
  }
  // From what there is, so that nothing moves but what has to.
  if (!change.slots_are_given && unknown == 0) {
    const SlotMap laid_out = cluster::LayOut(change.now, change.target.RingShards());
    change.target = change.target.WithSlots(laid_out);
  }
  if (Status looked = LookForTopologies(&change); !looked) return tl::unexpected(looked.error());
  return change;
}

const Node& PrimaryOf(const Change& change, ShardIndex shard) {
  return change.target.nodes()[change.target.shards()[shard].primary()];
}

// The payload of the functions of the first shard that owns slots; empty if there is none, or it has no functions.
Result<std::string> DumpFunctions(const Change& change) {
  for (ShardIndex shard = 0; shard < change.target.shards().size(); ++shard) {
    if (change.now.CountOf(shard) == 0) continue;
    Result<std::unique_ptr<NodeClient>> client = ConnectTo(change, PrimaryOf(change, shard));
    if (!client) return tl::unexpected(client.error());
    return TakeFunctions(**client);
  }
  return std::string();
}

// See GiveFunctions.
Status CopyFunctions(const Change& change) {
  const Result<std::string> payload = DumpFunctions(change);
  if (!payload) return tl::unexpected(payload.error());
  if (payload->empty()) return {};
  for (ShardIndex shard = 0; shard < change.target.shards().size(); ++shard) {
    if (change.now.CountOf(shard) > 0 || change.target.slots().CountOf(shard) == 0) continue;
    const Node& node = PrimaryOf(change, shard);
    Result<std::unique_ptr<NodeClient>> client = ConnectTo(change, node);
    if (!client) return tl::unexpected(client.error());
    if (Status given = GiveFunctions(**client, *payload, "node", node.id); !given) return given;
  }
  return {};
}

// Sends the topology to the nodes that do not have it.
Status Distribute(const Change& change) {
  for (const std::string& id : change.behind) {
    const Node& node = *change.target.FindNode(id);
    Result<std::unique_ptr<NodeClient>> client = ConnectTo(change, node);
    if (!client) return tl::unexpected(client.error());
    if (Status done = Reload(**client, change.target); !done) return done;
    std::cout << "node " << id << " has epoch " << change.target.epoch() << std::endl;
  }
  return {};
}

// All slot migrations, each as reported by the importing shard.
Result<std::vector<MoveUnderWay>> MovesOf(const Change& change) {
  const Topology& topology = change.target;
  std::vector<MoveUnderWay> all;
  for (const Node& node : topology.nodes()) {
    Result<std::unique_ptr<NodeClient>> client = ConnectTo(change, node);
    if (!client) return tl::unexpected(client.error());
    Result<std::vector<MoveUnderWay>> moves = AskForMoves(**client);
    if (!moves) return tl::unexpected(moves.error());
    for (MoveUnderWay& move : *moves) {
      // Others learn a little later what has come to its owner.
      const bool is_owner = node.is_primary && move.to == topology.shards()[node.shard].name;
      if (is_owner || all.empty()) all.push_back(std::move(move));
    }
  }
  return all;
}

Status WaitForMoves(const Change& change) {
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  size_t lines = 0;
  std::set<std::string> said;
  for (;;) {
    const Result<std::vector<MoveUnderWay>> moves = MovesOf(change);
    if (!moves) return tl::unexpected(moves.error());
    if (is_terminal) {
      if (lines > 0) std::cout << "\033[" << lines << "F\033[J";
      for (const MoveUnderWay& move : *moves) std::cout << DrawProgress(move) << "\n";
      std::cout.flush();
      lines = moves->size();
    }
    for (const MoveUnderWay& move : *moves) {
      if (is_terminal || move.failure.empty() || !said.insert(move.failure).second) continue;
      std::cout << DrawProgress(move) << "; trying again until it works" << std::endl;
    }
    if (moves->empty()) return {};
    std::this_thread::sleep_for(kChangeNap);
  }
}

}  // namespace

Status ShowPlan(const std::string& path, const std::vector<Address>& addresses) {
  const Result<Change> change = Examine(path, addresses);
  if (!change) return tl::unexpected(change.error());
  const Topology& target = change->target;
  size_t slots = 0;
  size_t keys = 0;
  for (const cluster::SlotMove& move : MovesTo(target, change->now)) {
    const size_t count = move.slots.count();
    const bool is_known = move.from != cluster::kNoShard;
    const size_t its_keys =
        is_known ? change->keys_of[move.from] * count / std::max<size_t>(change->now.CountOf(move.from), 1) : 0;
    std::printf("%s -> %s: %zu slots, about %zu keys: %s\n",
                is_known ? target.shards()[move.from].name.c_str() : "nobody", target.shards()[move.to].name.c_str(),
                count, its_keys, cluster::PrintRanges(cluster::RangesIn(move.slots)).c_str());
    slots += count;
    keys += its_keys;
  }
  std::printf("%zu slots (%.1f%%) and about %zu keys would move; %zu of %zu nodes have epoch %llu already\n", slots,
              100.0 * static_cast<double>(slots) / storage::kSlots, keys, target.nodes().size() - change->behind.size(),
              target.nodes().size(), static_cast<unsigned long long>(target.epoch()));
  std::fflush(stdout);
  return {};
}

Status Apply(const std::string& path, const std::vector<Address>& addresses) {
  const auto start = std::chrono::steady_clock::now();
  const Result<Change> change = Examine(path, addresses);
  if (!change) return tl::unexpected(change.error());
  if (Status copied = CopyFunctions(*change); !copied) return copied;
  if (Status sent = Distribute(*change); !sent) return sent;
  if (Status moved = WaitForMoves(*change); !moved) return moved;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("the cluster is as the file says, after %.1f s\n", seconds);
  std::fflush(stdout);
  return {};
}

}  // namespace ringkv::cluster_admin
