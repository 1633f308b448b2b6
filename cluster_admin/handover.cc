// SPDX-License-Identifier: MIT
// A primary gives its place to a replica that has everything, without a request that fails: before it is stopped.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

#include "cluster_admin/jobs.h"
#include "cluster_admin/node_client.h"
#include "cluster_admin/running_cluster.h"

namespace ringkv::cluster_admin {
namespace {

using cluster::Node;
using cluster::Topology;
using storage::Fail;
using storage::Result;
using storage::Status;

// Writes wait so long at most; what has not been handed over by then is not.
constexpr auto kLongestPause = std::chrono::seconds(10);
constexpr auto kPatience = std::chrono::seconds(5);
constexpr auto kHandoverNap = std::chrono::milliseconds(2);

Result<uint64_t> OffsetOf(NodeClient& client, const std::string& field) {
  const Result<std::string> text = client.Info(field);
  if (!text) return tl::unexpected(text.error());
  return std::strtoull(text->c_str(), nullptr, 10);
}

struct Successor {
  const Node* node = nullptr;
  std::unique_ptr<NodeClient> client = nullptr;
  uint64_t offset = 0;
};

// The replica that is connected and has most. An error says that there is none.
Result<Successor> FindSuccessor(const Topology& topology, const Node& primary) {
  Successor best;
  for (const size_t member : topology.shards()[primary.shard].members) {
    const Node& node = topology.nodes()[member];
    if (node.id == primary.id) continue;
    Result<std::unique_ptr<NodeClient>> client = NodeClient::Connect(node.host, node.port);
    if (!client) continue;
    const Result<std::string> link = (*client)->Info("master_link_status");
    const Result<uint64_t> offset = OffsetOf(**client, "slave_repl_offset");
    if (!link || *link != "up" || !offset) continue;
    if (best.node == nullptr || *offset > best.offset) best = {&node, std::move(*client), *offset};
  }
  if (best.node == nullptr) return Fail("node '" + primary.id + "' has no replica that follows it");
  return best;
}

// Waits until the successor has all changes of the primary; writes are paused meanwhile.
Status WaitForSuccessor(NodeClient& primary, Successor& successor) {
  // Not master_repl_offset: it counts the bytes of the stream for Redis replicas, as long as one is kept.
  const Result<uint64_t> last = OffsetOf(primary, "log_lsn_appended");
  if (!last) return tl::unexpected(last.error());
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end) {
    const Result<uint64_t> offset = OffsetOf(*successor.client, "slave_repl_offset");
    if (!offset) return tl::unexpected(offset.error());
    if (*offset >= *last) return {};
    std::this_thread::sleep_for(kHandoverNap);
  }
  return Fail("replica '" + successor.node->id + "' has not caught up in time; nothing was changed");
}

// The successor first, or no node would own the slots. Until the others have the topology they redirect to it.
Status Distribute(const Topology& next, NodeClient& primary, Successor& successor) {
  if (Status done = Reload(*successor.client, next); !done) return done;
  return Reload(primary, next);
}

void TellOthers(const Topology& next, const Node& primary, const Node& successor) {
  for (const Node& node : next.nodes()) {
    if (node.id == primary.id || node.id == successor.id) continue;
    const Result<std::unique_ptr<NodeClient>> client = NodeClient::Connect(node.host, node.port);
    const Status done = client ? Reload(**client, next) : Status(tl::unexpected(client.error()));
    if (!done)
      std::cerr << "node '" << node.id << "' does not have the new topology yet: " << done.error().text << "\n";
  }
}

}  // namespace

Status HandOver(const std::string& path, const std::string& id) {
  const Result<Topology> known = ReadTopology(path);
  if (!known) return tl::unexpected(known.error());
  const Node* asked = known->FindNode(id);
  if (asked == nullptr) return Fail("'" + path + "' has no node '" + id + "'");
  Result<std::unique_ptr<NodeClient>> client = NodeClient::Connect(asked->host, asked->port);
  if (!client) return tl::unexpected(client.error());
  // The file may be older than the cluster.
  const Result<resp::Reply> text = (*client)->Ask({"CLUSTER", "TOPOLOGY"});
  if (!text) return tl::unexpected(text.error());
  const Result<Topology> now = Topology::Parse(text->text);
  if (!now) return tl::unexpected(now.error());
  const Node* primary = now->FindNode(id);
  if (primary == nullptr || !primary->is_primary) {
    std::cout << "node '" << id << "' is not a primary: there is nothing to hand over\n";
    return {};
  }
  const Result<std::vector<MoveUnderWay>> moves = AskForMoves(**client);
  if (!moves) return tl::unexpected(moves.error());
  if (!moves->empty()) return Fail("slots are migrating; wait until they have moved");
  Result<Successor> successor = FindSuccessor(*now, *primary);
  if (!successor) return tl::unexpected(successor.error());

  const auto pause = std::to_string(std::chrono::milliseconds(kLongestPause).count());
  if (const auto paused = (*client)->Ask({"CLIENT", "PAUSE", pause, "WRITE"}); !paused) {
    return tl::unexpected(paused.error());
  }
  const Topology next = now->WithPrimary(successor->node->id);
  Status done = WaitForSuccessor(**client, *successor);
  if (done) done = Distribute(next, **client, *successor);
  const Result<resp::Reply> unpaused = (*client)->Ask({"CLIENT", "UNPAUSE"});
  if (!done) return done;
  if (!unpaused) return tl::unexpected(unpaused.error());
  TellOthers(next, *primary, *successor->node);
  const Result<Topology> written = ReadTopology(path);
  if (written && written->epoch() < next.epoch() && !(std::ofstream(path) << next.Print())) {
    return Fail("cannot write '" + path + "'");
  }
  std::cout << "node '" << successor->node->id << "' leads shard '" << now->shards()[primary->shard].name << "' now\n";
  return {};
}

}  // namespace ringkv::cluster_admin
