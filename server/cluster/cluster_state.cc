// SPDX-License-Identifier: MIT
#include "server/cluster/cluster_state.h"

#include "cluster/static_coordinator.h"
#include "resp/reply_writer.h"
#include "server/server.h"
#include "storage/posix/posix_file_system.h"

namespace ringkv::server {
namespace {

using cluster::Node;
using cluster::SlotMap;
using cluster::Topology;
using storage::Fail;
using storage::MutexLock;
using storage::Result;
using storage::Status;

std::string SerialiseSlots(const Topology& topology, int protocol) {
  resp::Buffer out;
  resp::ReplyWriter reply(out, protocol);
  const std::vector<SlotMap::Run> runs = topology.slots().Runs();
  reply.Array(static_cast<int64_t>(runs.size()));
  for (const SlotMap::Run& run : runs) {
    const std::vector<size_t>& members = topology.shards()[run.owner].members;
    reply.Array(static_cast<int64_t>(2 + members.size()));
    reply.Integer(run.range.first);
    reply.Integer(run.range.last);
    for (const size_t member : members) {
      const Node& node = topology.nodes()[member];
      reply.Array(4);
      reply.Bulk(node.host);
      reply.Integer(node.port);
      reply.Bulk(node.id);
      reply.Map(0);
    }
  }
  return std::string(out.Readable());
}

// Whether each slot has an owner of the same name in both.
bool HaveSameOwners(const Topology& a, const Topology& b) {
  for (size_t slot = 0; slot < storage::kSlots; ++slot) {
    if (a.shards()[a.slots().owner(slot)].name != b.shards()[b.slots().owner(slot)].name) return false;
  }
  return true;
}

}  // namespace

ClusterState::ClusterState(Server& server) : server_(server) {}

ClusterState::~ClusterState() = default;

Status ClusterState::Open() {
  if (server_.options().cluster_enabled == 0) return {};
  const std::string path = server_.options().cluster_config.Get();
  if (path.empty()) return Fail("cluster-enabled yes needs a cluster-config FILE that lists the cluster");
  if (!server_.options().replicaof.Get().empty()) {
    return Fail("replicaof can't be given with cluster-enabled yes: the cluster-config says who follows whom");
  }
  files_ = std::make_unique<storage::PosixFileSystem>();
  coordinator_ = std::make_unique<cluster::StaticCoordinator>(*files_, path);
  Result<Topology> topology = coordinator_->Fetch();
  if (!topology) return tl::unexpected(topology.error());
  Result<std::shared_ptr<const ClusterView>> view = MakeView(std::move(*topology));
  if (!view) return tl::unexpected(view.error());
  is_enabled_ = true;
  Install(*view);
  if (!(*view)->here.is_primary) server_.replication().WillFollow();
  return {};
}

Result<std::string> ClusterState::FindOwnId(const Topology& topology) const {
  const std::string given = server_.options().cluster_node_id.Get();
  const std::string file = "cluster-config '" + server_.options().cluster_config.Get() + "'";
  if (!given.empty()) {
    if (topology.FindNode(given) == nullptr) return Fail(file + " has no node '" + given + "' (cluster-node-id)");
    return given;
  }
  std::string found;
  for (const Node& node : topology.nodes()) {
    if (node.port != server_.options().port) continue;
    if (!found.empty())
      return Fail(file + " has several nodes with this port: say which is this one by cluster-node-id");
    found = node.id;
  }
  if (found.empty()) return Fail(file + " has no node with this port: say which is this one by cluster-node-id");
  return found;
}

Result<std::shared_ptr<const ClusterView>> ClusterState::MakeView(Topology topology) const {
  const Result<std::string> id = FindOwnId(topology);
  if (!id) return tl::unexpected(id.error());
  auto view = std::make_shared<ClusterView>();
  view->slots_resp2 = SerialiseSlots(topology, 2);
  view->slots_resp3 = SerialiseSlots(topology, 3);
  view->topology = std::move(topology);
  view->id = *id;
  view->here = {view->self().shard, view->self().is_primary};
  for (size_t slot = 0; slot < storage::kSlots; ++slot) {
    view->served[slot] = view->here.is_primary && view->topology.slots().owner(slot) == view->here.shard;
  }
  return view;
}

void ClusterState::Install(std::shared_ptr<const ClusterView> view) {
  {
    MutexLock lock(mutex_);
    view_ = std::move(view);
  }
  version_.fetch_add(1);
}

std::shared_ptr<const ClusterView> ClusterState::view() const {
  MutexLock lock(mutex_);
  return view_;
}

void ClusterState::Start() {
  if (!is_enabled_) return;
  const std::shared_ptr<const ClusterView> now = view();
  const Topology& topology = now->topology;
  Replication& replication = server_.replication();
  replication.RaiseEpoch(topology.epoch());
  if (now->here.is_primary) return replication.StopFollowing();
  const Node& primary = topology.nodes()[topology.shards()[now->here.shard].primary()];
  const PrimaryAddress followed = replication.link().target();
  if (!replication.is_replica() || followed.host != primary.host || followed.port != primary.port) {
    replication.Follow({primary.host, primary.port});
  }
}

Status ClusterState::Reload() {
  Result<Topology> topology = coordinator_->Fetch();
  if (!topology) return tl::unexpected(topology.error());
  const std::shared_ptr<const ClusterView> before = view();
  if (topology->epoch() <= before->topology.epoch()) {
    return Fail("its epoch is " + std::to_string(topology->epoch()) + ", and this node is at " +
                std::to_string(before->topology.epoch()) + ": a change needs a higher one");
  }
  Result<std::shared_ptr<const ClusterView>> next = MakeView(std::move(*topology));
  if (!next) return tl::unexpected(next.error());
  if (!HaveSameOwners(before->topology, (*next)->topology) ||
      before->topology.shards()[before->here.shard].name != (*next)->topology.shards()[(*next)->here.shard].name) {
    return Fail(
        "it moves slots or nodes between shards, which this version can't do while it runs; stop all nodes for it");
  }
  Install(*next);
  server_.log().Notice("cluster: epoch " + std::to_string((*next)->topology.epoch()));
  Start();
  return {};
}

}  // namespace ringkv::server
