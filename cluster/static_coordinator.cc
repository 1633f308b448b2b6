// SPDX-License-Identifier: MIT
#include "cluster/static_coordinator.h"

#include <algorithm>

#include "storage/log/log_files.h"

namespace ringkv::cluster {

storage::Result<Topology> StaticCoordinator::Fetch() {
  const storage::Result<std::string> text = storage::ReadWhole(files_, path_);
  if (!text) return storage::Fail("cannot read cluster-config '" + path_ + "': " + text.error().text);
  storage::Result<Topology> topology = Topology::Parse(*text);
  if (!topology) return storage::Fail("cluster-config '" + path_ + "', " + topology.error().text);
  return topology;
}

storage::Status StaticCoordinator::Publish(std::string_view text) {
  const size_t slash = path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path_.substr(0, std::max<size_t>(slash, 1));
  const std::string name = path_.substr(slash + 1);  // all of it if there is no slash
  const auto placed = storage::PlaceFile(files_, folder, name, text, storage::OpenMode::kReplace);
  return placed ? storage::Status()
                : storage::Fail("cannot write cluster-config '" + path_ + "': " + placed.error().text);
}

}  // namespace ringkv::cluster
