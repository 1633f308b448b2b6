// SPDX-License-Identifier: MIT
// The socket of a link that its thread reconnects, and that other threads may interrupt.
//
// Threads: guarded.
#pragma once

#include <memory>
#include <string>

#include "server/node_link/peer_socket.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class LinkSocket {
 public:
  // Connects; gives up when `stop` becomes true. An Interrupt before the socket exists has no effect: after connecting,
  // the caller must check whether the link is still wanted.
  storage::Result<std::shared_ptr<PeerSocket>> Connect(const std::string& host, int port, int64_t timeout_ms,
                                                       const std::atomic<bool>& stop, const Outward& outward) {
    storage::Result<std::unique_ptr<PeerSocket>> connected = PeerSocket::Connect(host, port, timeout_ms, stop, outward);
    if (!connected) return tl::unexpected(connected.error());
    storage::MutexLock lock(mutex_);
    socket_ = std::move(*connected);
    return socket_;
  }
  // Drops the socket after the link has ended.
  void Reset() {
    storage::MutexLock lock(mutex_);
    socket_.reset();
  }
  void Interrupt() {
    storage::MutexLock lock(mutex_);
    if (socket_ != nullptr) socket_->Interrupt();
  }

 private:
  storage::Mutex mutex_;
  std::shared_ptr<PeerSocket> socket_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
