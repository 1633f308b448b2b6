// SPDX-License-Identifier: MIT
#include "server/options/option_conflicts.h"

#include "server/config/has_coordinator.h"

namespace ringkv::server {

storage::Status CheckConflicts(const Options& options) {
  const bool migrates = !options.migrate_from.Get().empty();
  const bool is_cluster = options.cluster_enabled != 0;
  if (HasCoordinator(options)) {
    if (is_cluster && options.shard.Get().empty()) {
      return storage::Fail(
          "coordinator with cluster-enabled yes needs the name of the shard that this node is of (shard)");
    }
    if (is_cluster && (!options.cluster_config.Get().empty() || !options.cluster_node_id.Get().empty())) {
      return storage::Fail(
          "cluster-config and cluster-node-id can't be given with a coordinator, which has the topology");
    }
    if (!options.replicaof.Get().empty()) return storage::Fail("replicaof and coordinator can't both be given");
    if (migrates) return storage::Fail("migrate-from and coordinator can't both be given");
    if (is_cluster && options.repl_ack == 0) {
      return storage::Fail(
          "coordinator with cluster-enabled yes needs repl-ack quorum: slots move when a shard has them");
    }
    if (options.repl_ack == 0 && options.repl_max_lag == 0) {
      return storage::Fail("coordinator needs repl-ack quorum, or a repl-max-lag that bounds what may be lost");
    }
  }
  if (!options.shard.Get().empty() && !(is_cluster && HasCoordinator(options))) {
    return storage::Fail("shard needs a coordinator and cluster-enabled yes");
  }
  if (migrates && !options.replicaof.Get().empty()) {
    return storage::Fail("replicaof and migrate-from can't both be given");
  }
  if (migrates && is_cluster) return storage::Fail("migrate-from can't be given with cluster-enabled yes");
  if (is_cluster && !options.sentinel_master_name.Get().empty()) {
    return storage::Fail("sentinel-master-name can't be given with cluster-enabled yes: clients of a cluster ask it");
  }
  return {};
}

}  // namespace ringkv::server
