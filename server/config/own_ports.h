// SPDX-License-Identifier: MIT
// Which of a server's ports others are told.
#pragma once

#include <cstdint>

#include "server/config/options.h"

namespace ringkv::server {

// The one of the Redis protocol, if there is but one to tell.
inline int64_t PortOfClients(const Options& options) {
  return options.port != 0 ? options.port.load() : options.tls_port.load();
}
// The one at which this replica is found.
inline int64_t PortOfReplica(const Options& options) {
  return options.tls_replication != 0 && options.tls_port != 0 ? options.tls_port.load() : PortOfClients(options);
}
// The one that nodes of the cluster connect to.
inline int64_t PortOfNode(const Options& options) {
  return options.tls_cluster != 0 ? options.tls_port.load() : PortOfClients(options);
}

}  // namespace ringkv::server
