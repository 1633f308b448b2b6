// SPDX-License-Identifier: MIT
// The topology of a cluster that etcd keeps: an operator begins it.
#include <cstdio>
#include <string>

#include "cluster/failover/cluster_topology.h"
#include "cluster/failover/shard_keys.h"
#include "cluster_admin/coordinator.h"
#include "cluster_admin/jobs.h"

namespace ringkv::cluster_admin {

using cluster::Topology;
using storage::Fail;
using storage::Result;
using storage::Status;

Status InitCluster(const CoordinatorOptions& options, int shards) {
  const Result<std::unique_ptr<Coordinator>> coordinator = Coordinator::Open(options);
  if (!coordinator) return tl::unexpected(coordinator.error());
  // Nodes that have heard of nothing are at epoch 1.
  std::string text = "epoch 2\n";
  for (int i = 1; i <= shards; ++i) text += "shard s" + std::to_string(i) + "\n";
  const Result<Topology> topology = cluster::ParseKeptTopology(text);
  if (!topology) return tl::unexpected(topology.error());
  const cluster::ClusterKeys keys((*coordinator)->cluster());
  const Result<bool> done = (*coordinator)
                                ->Commit({.conditions = {{keys.topology(), 0}, {keys.epoch(), 0}},
                                          .puts = {{keys.topology(), PrintKept(*topology)},
                                                   {keys.epoch(), std::to_string(topology->epoch())}}});
  if (!done) return tl::unexpected(done.error());
  if (!*done) return Fail("cluster '" + (*coordinator)->cluster() + "' has a topology already");
  std::printf(
      "cluster %s has %d shards, s1 to s%d: start nodes with --cluster-enabled yes --repl-ack quorum "
      "--coordinator ... --shard s1\n",
      (*coordinator)->cluster().c_str(), shards, shards);
  std::fflush(stdout);
  return {};
}

}  // namespace ringkv::cluster_admin
