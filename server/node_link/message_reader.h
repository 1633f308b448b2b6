// SPDX-License-Identifier: MIT
// Reads messages of another node from a socket.
//
// Threads: confined.
#pragma once

#include "cluster/node_messages.h"
#include "resp/buffer.h"
#include "server/node_link/peer_socket.h"

namespace ringkv::server {

class MessageReader {
 public:
  // `socket` must outlive the reader. `unread`: bytes that were received already.
  explicit MessageReader(PeerSocket& socket, std::string_view unread = {}) : socket_(socket) {
    received_.Append(unread);
  }

  // The next message, valid until the next call; false if none arrived within the timeout. Errors: the peer has closed
  // the connection, or has sent an invalid message, or one of more than `most` bytes.
  storage::Result<bool> Next(cluster::NodeMessage* message, int64_t timeout_ms,
                             uint64_t most = cluster::kLargestMessage);

 private:
  PeerSocket& socket_;
  resp::Buffer received_;
  size_t consumed_ = 0;  // by the last message
};

}  // namespace ringkv::server
