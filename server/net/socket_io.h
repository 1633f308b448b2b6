// SPDX-License-Identifier: MIT
// Transfers bytes between a client's socket and its buffers, and counts them; for all kinds of connections.
//
// Threads: confined to the connection's.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "resp/buffer.h"
#include "server/net/reply_gate.h"
#include "server/net/stream_socket.h"
#include "server/observe/statistics.h"

namespace ringkv::server {

enum class Receipt : uint8_t {
  kSome,     // less than requested: the socket is drained
  kFull,     // there may be more
  kNothing,  // nothing to receive
  kEnded,    // the peer has closed its sending half
  kBroken,   // the connection is broken
};

// Receives once, at least `step` bytes if available but not more than take a fraction of a turn, and appends to the
// input.
inline Receipt ReceiveInto(resp::Buffer& input, size_t step, StreamSocket& socket, ThreadStatistics& statistics) {
  char* room = input.Prepare(step);
  constexpr size_t kMost = 256 * 1024;
  const size_t size = std::min(input.writable(), kMost);
  ssize_t received;
  do {
    received = socket.Receive(room, size);
  } while (received < 0 && errno == EINTR);
  if (received == 0) return Receipt::kEnded;
  if (received < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Receipt::kNothing : Receipt::kBroken;
  const auto bytes = static_cast<size_t>(received);
  input.Commit(bytes);
  statistics.bytes_read.Add(bytes);
  statistics.reads_processed.Add(1);
  return bytes == size ? Receipt::kFull : Receipt::kSome;
}

// Sends the output except its last `held` bytes, as far as the socket takes it. False if the connection is broken.
inline bool SendAllBut(size_t held, resp::Buffer& output, ReplyGate& gate, StreamSocket& socket,
                       ThreadStatistics& statistics) {
  while (output.size() > held) {
    const std::string_view bytes = output.Readable().substr(0, output.size() - held);
    const ssize_t sent = socket.Send(bytes.data(), bytes.size());
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK;
    }
    statistics.bytes_written.Add(static_cast<uint64_t>(sent));
    statistics.writes_processed.Add(1);
    output.Consume(static_cast<size_t>(sent));
    gate.Sent(static_cast<size_t>(sent));
    if (static_cast<size_t>(sent) < bytes.size()) return true;
  }
  return true;
}

}  // namespace ringkv::server
