// SPDX-License-Identifier: MIT
// Drives a link over a socket until one of them ends, and gives the reason. Only the thread that calls it blocks.
#pragma once

#include "cluster/link/link.h"
#include "server/node_link/peer_socket.h"
#include "storage/base/clock.h"
#include "storage/base/result.h"

namespace ringkv::server {

storage::Error Pump(cluster::Link& link, PeerSocket& socket, const storage::Clock& clock);

}  // namespace ringkv::server
