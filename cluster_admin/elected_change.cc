// SPDX-License-Identifier: MIT
// Changes the shards and the slots of a cluster whose topology is in etcd, or says what that would move. The topology
// is changed by one transaction; its nodes hear of it and move the slots.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cluster/failover/cluster_topology.h"
#include "cluster/migration/slot_ledger.h"
#include "cluster_admin/elected_shards.h"
#include "cluster_admin/jobs.h"
#include "cluster_admin/running_cluster.h"

namespace ringkv::cluster_admin {
namespace {

using cluster::ShardIndex;
using cluster::SlotMap;
using cluster::Topology;
using storage::Fail;
using storage::Result;
using storage::Status;

constexpr int kMostTries = 10;  // while others change the topology
constexpr auto kNap = std::chrono::milliseconds(200);

struct ElectedChange {
  ElectedShards all;
  Topology target;                     // what etcd is to have, and its epoch
  SlotMap now;                         // what it has, with the target's numbers of shards
  std::vector<std::string> unstarted;  // shards of the target that have had no node yet: they get no slots
  bool is_any = false;                 // etcd has something else now
};

// The lines of shards. An error if there are others that would count.
Result<std::string> ShardLinesOf(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail("cannot read '" + path + "'");
  std::string lines;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first == "node") {
      return Fail("'" + path + "' lists nodes: with a coordinator they join by themselves; list shards only");
    }
    if (first != "epoch") lines += line + "\n";
  }
  return lines;
}

// To the primary of the shard. An error says why not.
Result<std::unique_ptr<NodeClient>> ConnectToPrimary(const ElectedShards& all, const std::string& name) {
  const ElectedShard* shard = all.FindShard(name);
  const bool is_led = shard != nullptr && shard->view.lead();
  const auto node = is_led ? all.nodes.find(shard->view.lead()->id) : all.nodes.end();
  if (node == all.nodes.end()) return Fail("shard '" + name + "' has no primary now");
  return NodeClient::Connect(node->second.host, static_cast<int>(node->second.port));
}

// A shard that goes must be empty, and nobody may wait for its answer.
Status CheckGone(const ElectedShards& all, const std::string& name, const SlotMap& slots, ShardIndex index) {
  const std::string remedy = ": list it with weight 0 until its slots have moved";
  if (slots.CountOf(index) > 0) return Fail("shard '" + name + "' isn't in the file and has slots" + remedy);
  for (const cluster::Shard& shard : all.topology->shards()) {
    if (all.FindShard(shard.name) == nullptr) continue;
    const Result<std::unique_ptr<NodeClient>> client = ConnectToPrimary(all, shard.name);
    if (!client) return tl::unexpected(client.error());
    const Result<std::vector<MoveUnderWay>> moves = AskForMoves(**client);
    if (!moves) return tl::unexpected(moves.error());
    const Result<cluster::OwnedSlots> owned = AskWhatItOwns(**client);
    if (!owned) return tl::unexpected(owned.error());
    if (!moves->empty() || (shard.name == name && owned->slots.any())) {
      return Fail("shard '" + name + "' isn't in the file, and slots are moving" + remedy);
    }
  }
  return {};
}

// Of shards that have had a node; the others get slots later.
std::vector<cluster::RingShard> StartedOf(const ElectedChange& change) {
  std::vector<cluster::RingShard> shards = change.target.RingShards();
  for (cluster::RingShard& shard : shards) {
    if (change.all.FindShard(shard.name) == nullptr) shard.weight = 0;
  }
  return shards;
}

Status AssignSlots(ElectedChange* change) {
  const std::vector<cluster::RingShard> started = StartedOf(*change);
  double weights = 0;
  for (const cluster::RingShard& shard : started) weights += shard.weight;
  const bool is_given = change->target.has_given_slots();
  if (!is_given && weights > 0) {
    change->target = change->target.WithSlots(cluster::LayOut(change->now, started));
  } else if (!is_given) {
    change->target = change->target.WithSlots(change->now);
  }
  for (ShardIndex i = 0; i < change->target.shards().size(); ++i) {
    const std::string& name = change->target.shards()[i].name;
    if (change->all.FindShard(name) != nullptr) continue;
    change->unstarted.push_back(name);
    if (change->target.slots().CountOf(i) > 0)
      return Fail("shard '" + name + "' has no node yet, which slots could go to");
  }
  return {};
}

// But for the epoch.
std::string ContentOf(const Topology& topology) {
  const std::string text = PrintKept(topology);
  return text.substr(text.find('\n') + 1);
}

Result<ElectedChange> ExamineElected(Coordinator& coordinator, const std::string& path) {
  const Result<std::string> lines = ShardLinesOf(path);
  if (!lines) return tl::unexpected(lines.error());
  Result<ElectedShards> all = ReadShards(coordinator);
  if (!all) return tl::unexpected(all.error());
  if (!all->topology) return Fail("there is no topology to change: ringkv-cluster init begins a cluster");
  const cluster::ClusterKeys keys(coordinator.cluster());
  const uint64_t epoch = cluster::ParseEpoch(all->shards.front().view.ValueOf(keys.epoch()));
  Result<Topology> target = cluster::ParseKeptTopology("epoch " + std::to_string(epoch + 1) + "\n" + *lines);
  if (!target) return Fail("'" + path + "', " + target.error().text);
  ElectedChange change{.all = std::move(*all), .target = std::move(*target), .now = SlotMap(), .unstarted = {}};
  const Topology& before = *change.all.topology;
  for (ShardIndex i = 0; i < before.shards().size(); ++i) {
    const std::string& name = before.shards()[i].name;
    const ShardIndex now = change.target.FindShard(name);
    if (now == cluster::kNoShard) {
      if (Status gone = CheckGone(change.all, name, before.slots(), i); !gone) return tl::unexpected(gone.error());
    }
    for (const cluster::SlotRange& range : before.slots().RangesOf(i)) change.now.Give(range, now);
  }
  if (Status assigned = AssignSlots(&change); !assigned) return tl::unexpected(assigned.error());
  change.is_any = ContentOf(change.target) != ContentOf(before);
  return change;
}

// The functions of the first shard that has slots; empty: it has none.
Result<std::string> DumpElectedFunctions(const ElectedChange& change) {
  for (ShardIndex i = 0; i < change.target.shards().size(); ++i) {
    if (change.now.CountOf(i) == 0) continue;
    const Result<std::unique_ptr<NodeClient>> client = ConnectToPrimary(change.all, change.target.shards()[i].name);
    if (!client) return tl::unexpected(client.error());
    return TakeFunctions(**client);
  }
  return std::string();
}

// See GiveFunctions.
Status CopyElectedFunctions(const ElectedChange& change) {
  std::vector<std::string> fresh;
  for (ShardIndex i = 0; i < change.target.shards().size(); ++i) {
    const bool is_fresh = change.now.CountOf(i) == 0 && change.target.slots().CountOf(i) > 0;
    if (is_fresh) fresh.push_back(change.target.shards()[i].name);
  }
  if (fresh.empty()) return {};
  const Result<std::string> payload = DumpElectedFunctions(change);
  if (!payload) return tl::unexpected(payload.error());
  for (const std::string& name : fresh) {
    if (payload->empty()) return {};
    const Result<std::unique_ptr<NodeClient>> client = ConnectToPrimary(change.all, name);
    if (!client) return tl::unexpected(client.error());
    if (Status given = GiveFunctions(**client, *payload, "shard", name); !given) return given;
  }
  return {};
}

// False: somebody else has changed the topology, or a shard has elected, since it was read.
Result<bool> CommitChange(Coordinator& coordinator, const ElectedChange& change) {
  const cluster::ClusterKeys keys(coordinator.cluster());
  const cluster::ShardView& view = change.all.shards.front().view;
  return coordinator.Commit(
      {.conditions = {{keys.topology(), view.RevisionOf(keys.topology())},
                      {keys.epoch(), view.RevisionOf(keys.epoch())}},
       .puts = {{keys.topology(), PrintKept(change.target)}, {keys.epoch(), std::to_string(change.target.epoch())}}});
}

// Has etcd have what the file says, as far as shards have nodes, and returns what it has then.
Result<ElectedChange> ChangeTopology(Coordinator& coordinator, const std::string& path) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    Result<ElectedChange> change = ExamineElected(coordinator, path);
    if (!change || !change->is_any) return change;
    if (Status copied = CopyElectedFunctions(*change); !copied) return tl::unexpected(copied.error());
    const Result<bool> done = CommitChange(coordinator, *change);
    if (!done) return tl::unexpected(done.error());
    if (*done) {
      std::cout << "the topology has epoch " << change->target.epoch() << std::endl;
      return change;
    }
  }
  return Fail("the cluster changes again and again; try later");
}

// What there is still to do: an empty list. An error: a primary can't be asked now.
Result<std::vector<MoveUnderWay>> AskAllForMoves(const ElectedShards& all, uint64_t epoch) {
  std::vector<MoveUnderWay> moves;
  for (const cluster::Shard& shard : all.topology->shards()) {
    const Result<std::unique_ptr<NodeClient>> client = ConnectToPrimary(all, shard.name);
    if (!client) return tl::unexpected(client.error());
    const Result<resp::Reply> text = (*client)->Ask({"CLUSTER", "TOPOLOGY"});
    if (!text) return tl::unexpected(text.error());
    const Result<Topology> known = Topology::Parse(text->text);
    if (!known || known->epoch() < epoch) return Fail("shard '" + shard.name + "' has not heard of it yet");
    Result<std::vector<MoveUnderWay>> its = AskForMoves(**client);
    if (!its) return tl::unexpected(its.error());
    for (MoveUnderWay& move : *its) {
      // Others learn a little later what has come to its owner.
      if (move.to == shard.name || moves.empty()) moves.push_back(std::move(move));
    }
  }
  return moves;
}

Status AwaitMoves(Coordinator& coordinator, uint64_t epoch) {
  std::set<std::string> said;
  const auto say_once = [&](const std::string& line) {
    if (said.insert(line).second) std::cout << line << "; trying again until it works" << std::endl;
  };
  for (;;) {
    const Result<ElectedShards> all = ReadShards(coordinator);
    if (!all) return tl::unexpected(all.error());
    const Result<std::vector<MoveUnderWay>> moves = AskAllForMoves(*all, epoch);
    if (moves && moves->empty()) return {};
    if (!moves) say_once(moves.error().text);
    for (const MoveUnderWay& move : moves.value_or(std::vector<MoveUnderWay>())) {
      if (!move.failure.empty()) say_once(move.from + " -> " + move.to + ": " + move.failure);
    }
    std::this_thread::sleep_for(kNap);
  }
}

}  // namespace

Status ShowElectedPlan(const CoordinatorOptions& options, const std::string& path) {
  const Result<std::unique_ptr<Coordinator>> coordinator = Coordinator::Open(options);
  if (!coordinator) return tl::unexpected(coordinator.error());
  const Result<ElectedChange> change = ExamineElected(**coordinator, path);
  if (!change) return tl::unexpected(change.error());
  const Topology& target = change->target;
  size_t slots = 0;
  for (const cluster::SlotMove& move : MovesTo(target, change->now)) {
    const std::string from = move.from == cluster::kNoShard ? "nobody" : target.shards()[move.from].name;
    std::printf("%s -> %s: %zu slots: %s\n", from.c_str(), target.shards()[move.to].name.c_str(), move.slots.count(),
                cluster::PrintRanges(cluster::RangesIn(move.slots)).c_str());
    slots += move.slots.count();
  }
  for (const std::string& name : change->unstarted) std::printf("%s: no slots until it has a node\n", name.c_str());
  std::printf("%zu slots (%.1f%%) would move\n", slots, 100.0 * static_cast<double>(slots) / storage::kSlots);
  std::fflush(stdout);
  return {};
}

Status ApplyElected(const CoordinatorOptions& options, const std::string& path) {
  const Result<std::unique_ptr<Coordinator>> coordinator = Coordinator::Open(options);
  if (!coordinator) return tl::unexpected(coordinator.error());
  std::set<std::string> said;
  Result<ElectedChange> change = ChangeTopology(**coordinator, path);
  for (; change && !change->unstarted.empty(); change = ChangeTopology(**coordinator, path)) {
    for (const std::string& name : change->unstarted) {
      if (!said.insert(name).second) continue;
      std::cout << "shard " << name << " has no node yet: start one with --shard " << name << std::endl;
    }
    std::this_thread::sleep_for(kNap);
  }
  if (!change) return tl::unexpected(change.error());
  if (Status moved = AwaitMoves(**coordinator, change->is_any ? change->target.epoch() : 0); !moved) return moved;
  std::printf("the cluster is as the file says\n");
  std::fflush(stdout);
  return {};
}

}  // namespace ringkv::cluster_admin
