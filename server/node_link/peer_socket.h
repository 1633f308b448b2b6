// SPDX-License-Identifier: MIT
// A connection to another node, for a thread of its own: calls block, for a bounded time.
//
// Threads: confined, except Interrupt and Wake.
#pragma once

#include <poll.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/node_link/outward.h"
#include "storage/base/result.h"
#include "transport/channel.h"

namespace ringkv::server {

class PeerSocket {
 public:
  explicit PeerSocket(transport::Channel channel);
  ~PeerSocket();
  PeerSocket(const PeerSocket&) = delete;
  PeerSocket& operator=(const PeerSocket&) = delete;

  // Gives up when `stop` becomes true. The error names the address and the reason.
  static storage::Result<std::unique_ptr<PeerSocket>> Connect(const std::string& host, int port, int64_t timeout_ms,
                                                              const std::atomic<bool>& stop,
                                                              const Outward& outward = {});

  // Sends all bytes within the timeout.
  storage::Status Send(std::string_view bytes, int64_t timeout_ms);
  // Sends what the socket takes at once; returns 0 if it takes nothing now.
  storage::Result<size_t> SendSome(std::string_view bytes);
  // Receives what is there; 0 if there is nothing now. An error if the peer has closed the connection.
  storage::Result<size_t> ReceiveSome(char* room, size_t size);
  // Receives at least one byte; returns 0 after the timeout or Wake. An error if the peer has closed the connection.
  // `or_sendable`: returns 0 too when the socket takes bytes.
  storage::Result<size_t> Receive(char* room, size_t size, int64_t timeout_ms, bool or_sendable = false);
  // Receives one line, without its line end; for the handshake.
  storage::Result<std::string> ReceiveLine(size_t most, int64_t timeout_ms);

  // What a poll for this socket waits for: bytes, Wake, and `or_sendable`: room for bytes.
  void AddTo(std::vector<pollfd>* waiting, bool or_sendable) const;
  // After such a poll: the next one waits again.
  void ForgetWake();

  transport::Channel Release() { return std::move(channel_); }

  // From any thread: ends one waiting Receive.
  void Wake();
  // From any thread: all calls fail from now on.
  void Interrupt();

 private:
  // False after the timeout.
  storage::Result<bool> WaitFor(short events, int64_t timeout_ms);

  transport::Channel channel_;
  const int wake_;
  std::atomic<bool> interrupted_{false};
};

}  // namespace ringkv::server
