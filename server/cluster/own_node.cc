// SPDX-License-Identifier: MIT
#include "server/cluster/own_node.h"

#include <unistd.h>

#include <utility>

#include "cluster/node_id.h"

namespace ringkv::server {
namespace {

constexpr const char* kPath = "node.id";  // docs/formats/coordinator.md

}  // namespace

storage::Result<std::string> OwnNodeId(const World& world) {
  if (world.files.Exists(kPath)) {
    storage::Result<std::string> id = storage::ReadWhole(world.files, kPath);
    if (!id) return id;
    while (!id->empty() && id->back() == '\n') id->pop_back();
    if (cluster::IsNodeId(*id)) return id;
    return storage::Fail("'" + std::string(kPath) + "' holds no id of a node");
  }
  std::string id = world.chance.UniqueDigits();
  const storage::Status kept = storage::ReplaceWhole(world.files, kPath, id + "\n");
  if (!kept) return tl::unexpected(kept.error());
  return id;
}

std::string OwnHost(const Options& options) {
  const std::string announced = options.replica_announce_ip.Get();
  if (!announced.empty()) return announced;
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return host;
}

}  // namespace ringkv::server
