// SPDX-License-Identifier: MIT
// A connection over which this node asks another one what it is, again and again. Nothing here waits for an answer; to
// connect takes half a second at most, and before that the time that the resolver takes for a name.
//
// Threads: confined.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "resp/buffer.h"
#include "resp/reply_scanner.h"
#include "server/config/options.h"
#include "server/node_link/peer_socket.h"
#include "server/sentinel/node_report.h"
#include "storage/base/clock.h"

namespace ringkv::server {

class PeerQuery {
 public:
  explicit PeerQuery(NodeAddress address) : address_(std::move(address)) {}

  const NodeAddress& address() const { return address_; }
  bool is_connected() const { return socket_ != nullptr; }
  bool awaits_answer() const { return replies_to_come_ > 0; }

  // Sends the question, unless an answer is awaited; connects before, if it must and if it is not too early to try
  // again. A connection on which an answer has been awaited for too long is closed.
  // `announced`: as what this node introduces itself, until the other has agreed; without a host it is where the
  // connection comes from.
  void Ask(const Options& options, const NodeAddress& announced, const std::atomic<bool>& give_up,
           const storage::Clock& clock);
  // What has come, if it is an answer: its text, or an error.
  std::optional<std::string> TakeAnswer();
  void Close();

 private:
  bool Connect(const Options& options, const std::atomic<bool>& give_up, const storage::Clock& clock);
  bool IsToMeet(const NodeAddress& announced, int64_t now) const;
  void NoteMet(const std::string& reply);
  // The next whole reply.
  std::optional<std::string> NextReply();

  const NodeAddress address_;
  std::unique_ptr<PeerSocket> socket_;
  resp::Buffer received_;
  resp::ReplyScanner scanner_;
  int replies_to_come_ = 0;    // the last one is the answer
  int64_t not_before_ms_ = 0;  // the next attempt to connect
  int64_t asked_ms_ = 0;
  NodeAddress met_as_;
  bool is_meeting_ = false;  // the reply before the answer is that to the introduction
  bool is_met_ = false;
  int64_t meet_again_ms_ = 0;
};

}  // namespace ringkv::server
