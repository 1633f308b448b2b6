// SPDX-License-Identifier: MIT
// How a link to a primary begins, RingKV or Redis: requests with a line each as an answer.
#pragma once

#include <string>
#include <vector>

#include "server/config/options.h"
#include "server/node_link/peer_socket.h"

namespace ringkv::server {

// The line that answers; one that is an error is an error here too, and so is silence for repl-timeout.
storage::Result<std::string> Ask(PeerSocket& socket, const Options& options, const std::vector<std::string>& command);
// Gives masterauth, if there is one, for masteruser.
storage::Status Authenticate(PeerSocket& socket, const Options& options);

}  // namespace ringkv::server
