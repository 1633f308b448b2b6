// SPDX-License-Identifier: MIT
// The input of a client of the Redis protocol: received bytes that were not executed yet, and their parser.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "resp/buffer.h"
#include "resp/request_parser.h"
#include "server/net/request_batch.h"
#include "server/net/socket_io.h"
#include "server/net/stream_socket.h"
#include "server/observe/statistics.h"

namespace ringkv::server {

struct ClientCard;

class RequestInput {
 public:
  // Receives once, as much as is likely to be there, or as a long argument still needs.
  Receipt Receive(StreamSocket& socket, ThreadStatistics& statistics);

  // Parses the next requests into `batch`. The status is that of the last attempt. `authenticated`: else requests are
  // small, and one is parsed at a time, since it may authenticate the client.
  resp::ParseStatus Parse(const resp::RequestLimits& limits, bool authenticated, RequestBatch& batch);
  // Why Parse returned kError.
  const std::string& error() const { return parser_.error(); }
  // Removes the first bytes: their requests were executed.
  void Consume(size_t bytes) { bytes_.Consume(bytes); }
  // Likewise, and requests behind them that were parsed already will be parsed again.
  void ConsumeUpTo(size_t bytes) {
    parser_.Restart();
    bytes_.Consume(bytes);
  }
  // Likewise, and returns all bytes where they are.
  resp::Buffer Lend(size_t bytes);
  // A request comes before all others.
  void PutBefore(std::string_view request);
  void Discard() { bytes_.Consume(bytes_.size()); }

  std::string_view Readable() const { return bytes_.Readable(); }
  size_t size() const { return bytes_.size(); }
  // Bytes of requests that were not executed, in whatever form they are kept.
  size_t Unexecuted() const { return bytes_.size() + parser_.ArgumentBytes(); }

  // --- memory ---
  size_t MemoryBytes() const { return bytes_.capacity() + parser_.MemoryBytes(); }
  // Frees unused memory: of a large buffer, or all of it.
  void Shrink(bool all);
  // Updates the input in the client's card; `others`: bytes of arguments that are kept elsewhere.
  void CountMemory(ClientCard& card, size_t others);

 private:
  // For how many bytes the next receive needs room.
  size_t NextStep() const;

  // A receive that fills its buffer makes the next one larger: what arrives should be smaller than the buffer, because
  // then no second, empty receive is needed to find that out.
  static constexpr size_t kSmallestRead = 2 * 1024;

  resp::Buffer bytes_;
  resp::RequestParser parser_;
  size_t read_size_ = kSmallestRead;
  uint64_t received_ = 0;  // bytes since the card was updated
  size_t filled_ = 0;      // bytes of the buffer's capacity that have been used: the others take no memory yet
};

}  // namespace ringkv::server
