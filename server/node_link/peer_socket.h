// SPDX-License-Identifier: MIT
// A connection to another node that has a thread of its own: it may block, for a bounded time.
//
// Threads: confined, but for Interrupt.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "storage/base/result.h"

namespace ringkv::server {

class PeerSocket {
 public:
  // Takes over a connected descriptor.
  explicit PeerSocket(int descriptor);
  ~PeerSocket();
  PeerSocket(const PeerSocket&) = delete;
  PeerSocket& operator=(const PeerSocket&) = delete;

  // Gives up when `stop` becomes true. The error says what could not be reached, and why.
  static storage::Result<std::unique_ptr<PeerSocket>> Connect(const std::string& host, int port, int64_t timeout_ms,
                                                              const std::atomic<bool>& stop);

  // All of the bytes, within the time.
  storage::Status Send(std::string_view bytes, int64_t timeout_ms);
  // What has come, at least a byte; 0 if nothing has within the time, or Wake was called. An error if the other side
  // has closed.
  storage::Result<size_t> Receive(char* room, size_t size, int64_t timeout_ms);
  // A line that ends with a line feed, without its end; for the handshake, which is text.
  storage::Result<std::string> ReceiveLine(size_t most, int64_t timeout_ms);

  // The descriptor is the caller's now.
  int Release() { return std::exchange(descriptor_, -1); }

  // From any thread: ends a Receive that waits, once.
  void Wake();
  // From any thread: everything fails from now on.
  void Interrupt();

 private:
  // False when the time is over.
  storage::Result<bool> WaitFor(short events, int64_t timeout_ms);

  int descriptor_;
  const int wake_;
  std::atomic<bool> interrupted_{false};
};

}  // namespace ringkv::server
