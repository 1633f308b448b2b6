// SPDX-License-Identifier: MIT
// Whether a server answers: what a container's health check asks.
#include <iostream>

#include "cluster_admin/jobs.h"
#include "cluster_admin/node_client.h"

namespace ringkv::cluster_admin {

storage::Status Ping(const Address& address) {
  // One that asks for another password, or loads its data, is alive.
  auto client = NodeClient::Connect(address.host, address.port);
  if (!client) client = NodeClient::ConnectAsStranger(address.host, address.port);
  if (!client) return tl::unexpected(client.error());
  const storage::Result<resp::Reply> reply = (*client)->Exchange({"PING"});
  if (!reply) return tl::unexpected(reply.error());
  std::cout << reply->text << "\n";
  return {};
}

}  // namespace ringkv::cluster_admin
