// SPDX-License-Identifier: MIT
// Whether a server answers: what a container's health check asks.
#include <iostream>

#include "cluster_admin/jobs.h"
#include "cluster_admin/node_client.h"

namespace ringkv::cluster_admin {

storage::Status Ping(const Address& address) {
  const auto client = NodeClient::Connect(address.host, address.port);
  if (!client) return tl::unexpected(client.error());
  // One that asks for a password, or loads its data, is alive.
  const storage::Result<resp::Reply> reply = (*client)->Exchange({"PING"});
  if (!reply) return tl::unexpected(reply.error());
  std::cout << reply->text << "\n";
  return {};
}

}  // namespace ringkv::cluster_admin
