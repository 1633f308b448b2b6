// SPDX-License-Identifier: MIT
// Messages of another node, one after the other.
//
// Threads: confined.
#pragma once

#include "cluster/node_messages.h"
#include "resp/buffer.h"
#include "server/node_link/peer_socket.h"

namespace ringkv::server {

class MessageReader {
 public:
  // `socket` must outlive the reader. `unread`: what has been received already.
  explicit MessageReader(PeerSocket& socket, std::string_view unread = {}) : socket_(socket) {
    received_.Append(unread);
  }

  // The next message, valid until the next call; false if none has come within the time. An error if the other side has
  // closed, or has sent what is no message, or one of more than `most` bytes.
  storage::Result<bool> Next(cluster::NodeMessage* message, int64_t timeout_ms,
                             uint64_t most = cluster::kLargestMessage);

 private:
  PeerSocket& socket_;
  resp::Buffer received_;
  size_t consumed_ = 0;  // by the message that was given last
};

}  // namespace ringkv::server
