// SPDX-License-Identifier: MIT
#include "cluster/static_coordinator.h"

namespace ringkv::cluster {

storage::Result<Topology> StaticCoordinator::Fetch() {
  const storage::Result<std::string> text = storage::ReadWhole(files_, path_);
  if (!text) return storage::Fail("cannot read cluster-config '" + path_ + "': " + text.error().text);
  storage::Result<Topology> topology = Topology::Parse(*text);
  if (!topology) return storage::Fail("cluster-config '" + path_ + "', " + topology.error().text);
  return topology;
}

}  // namespace ringkv::cluster
