// SPDX-License-Identifier: MIT
#include "server/options/option_conflicts.h"

namespace ringkv::server {

storage::Status CheckConflicts(const Options& options) {
  const bool migrates = !options.migrate_from.Get().empty();
  const bool is_cluster = options.cluster_enabled != 0;
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
