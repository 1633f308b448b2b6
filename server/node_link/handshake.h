// SPDX-License-Identifier: MIT
// The handshake of a link to a primary, RingKV or Redis: requests with one-line replies.
#pragma once

#include <string>
#include <vector>

#include "server/config/options.h"
#include "server/node_link/peer_socket.h"

namespace ringkv::server {

// Sends the request and returns its one-line reply. Errors: an error reply, or silence for this time.
storage::Result<std::string> Ask(PeerSocket& socket, int64_t timeout_ms, const std::vector<std::string>& command);
// Likewise, but an error reply is a reply too.
storage::Result<std::string> AskForAnyReply(PeerSocket& socket, int64_t timeout_ms,
                                            const std::vector<std::string>& command);
// AUTH with masteruser and masterauth; empty if masterauth is not set.
std::vector<std::string> AuthCommand(const Options& options);
// Authenticates with that, if it is set.
storage::Status Authenticate(PeerSocket& socket, const Options& options, int64_t timeout_ms);
// How long a primary may take for an answer.
inline int64_t PrimarysTimeoutMs(const Options& options) { return options.repl_timeout * 1000; }

}  // namespace ringkv::server
