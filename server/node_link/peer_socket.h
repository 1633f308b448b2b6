// SPDX-License-Identifier: MIT
// A connection to another node. Calls block, for a bounded time, or say that they do not.
//
// Threads: confined, except Interrupt and Wake.
#pragma once

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/node_link/connecting.h"
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

  // Begins to connect, for a thread that drives many: nothing waits, except for the name server if the host is a name.
  static std::unique_ptr<PeerSocket> Begin(const std::string& host, int port, int64_t timeout_ms,
                                           const Outward& outward);
  // Goes on with that. False while the connection does not stand: until then only AddTo and ForgetWake may be called.
  // The error is that of Connect.
  storage::Result<bool> GoOn(int64_t now);
  // While it does not stand: when GoOn is to be called at the latest.
  int64_t connects_until() const { return connecting_->ends_at(); }

  // Sends all bytes within the timeout.
  storage::Status Send(std::string_view bytes, int64_t timeout_ms);
  // Sends what the socket takes at once; returns 0 if it takes nothing now.
  storage::Result<size_t> SendSome(std::string_view bytes);
  // Tells the peer that nothing will follow.
  void EndSending() { channel_.ShutdownSending(); }
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
  explicit PeerSocket(std::unique_ptr<Connecting> connecting);

  void Take(transport::Channel channel);
  // False after the timeout.
  storage::Result<bool> WaitFor(short events, int64_t timeout_ms);

  std::unique_ptr<Connecting> connecting_;  // null: the connection stands
  transport::Channel channel_;
  const int wake_;
  std::atomic<bool> interrupted_{false};
};

}  // namespace ringkv::server
