// SPDX-License-Identifier: MIT
#include <cstdio>
#include <iostream>

#include "cluster_admin/jobs.h"
#include "cluster_admin/running_cluster.h"

namespace ringkv::cluster_admin {
namespace {

using cluster::Node;
using cluster::Topology;
using storage::Fail;
using storage::Result;
using storage::Status;

struct Row {
  std::string id;
  std::string address;
  std::string shard;
  std::string role;
  std::string slots;
  std::string keys;
  std::string memory;
  std::string state;
};

void Print(const Row& row) {
  std::printf("%-12s %-22s %-8s %-8s %6s %10s %9s  %s\n", row.id.c_str(), row.address.c_str(), row.shard.c_str(),
              row.role.c_str(), row.slots.c_str(), row.keys.c_str(), row.memory.c_str(), row.state.c_str());
}

// Fills the row with the state of a node, and appends the moves of slots to it; an error if it doesn't answer.
Status Examine(const Topology& topology, const Node& node, Row* row, std::vector<MoveUnderWay>* moves) {
  Result<std::unique_ptr<NodeClient>> connected = NodeClient::Connect(node.host, node.port);
  if (!connected) return tl::unexpected(connected.error());
  NodeClient& client = **connected;
  const Result<resp::Reply> keys = client.Ask({"DBSIZE"});
  if (!keys) return tl::unexpected(keys.error());
  row->keys = std::to_string(keys->integer);
  if (const Result<std::string> memory = client.Info("used_memory_human")) row->memory = *memory;
  if (const Result<resp::Reply> id = client.Ask({"CLUSTER", "MYID"}); !id) {
    return tl::unexpected(id.error());
  } else if (const Node* there = topology.FindNode(id->text); there != &node) {
    return Fail("the node there is '" + (there == nullptr ? id->text : there->id) + "'");
  }
  if (node.is_primary) {
    const Result<cluster::OwnedSlots> owned = AskWhatItOwns(client);
    if (!owned) return tl::unexpected(owned.error());
    row->slots = std::to_string(owned->slots.count());
    Result<std::vector<MoveUnderWay>> its_moves = AskForMoves(client);
    if (!its_moves) return tl::unexpected(its_moves.error());
    for (MoveUnderWay& move : *its_moves) {
      if (move.to == owned->shard) moves->push_back(std::move(move));
    }
  }
  const Result<std::string> epoch = client.Info("repl_epoch");
  row->state = "ok";
  if (epoch && *epoch != std::to_string(topology.epoch())) row->state = "is at epoch " + *epoch;
  if (node.is_primary) return {};
  const Result<std::string> link = client.Info("master_link_status");
  const Result<std::string> lag = client.Info("slave_lag_ms");
  if (link && *link != "up") return Fail("its link to the primary is " + *link);
  if (lag) row->state += ", " + *lag + " ms behind";
  return {};
}

}  // namespace

Status ShowStatus(const std::string& path) {
  const Result<Topology> topology = ReadTopology(path);
  if (!topology) return tl::unexpected(topology.error());
  std::printf("epoch %llu\n", static_cast<unsigned long long>(topology->epoch()));
  Print({"node", "address", "shard", "role", "slots", "keys", "memory", "state"});
  size_t failed = 0;
  std::vector<MoveUnderWay> moves;
  for (const cluster::Shard& shard : topology->shards()) {
    for (const size_t member : shard.members) {
      const Node& node = topology->nodes()[member];
      Row row{.id = node.id,
              .address = node.host + ":" + std::to_string(node.port),
              .shard = shard.name,
              .role = node.is_primary ? "primary" : "replica",
              .slots = std::to_string(topology->slots().CountOf(node.shard)),
              .keys = "-",
              .memory = "-",
              .state = {}};
      if (const Status examined = Examine(*topology, node, &row, &moves); !examined) {
        row.state = examined.error().text;
        ++failed;
      }
      Print(row);
    }
  }
  for (const MoveUnderWay& move : moves) std::printf("%s\n", DrawProgress(move).c_str());
  std::fflush(stdout);
  return failed == 0 ? Status() : Fail(std::to_string(failed) + " nodes differ from the file");
}

}  // namespace ringkv::cluster_admin
