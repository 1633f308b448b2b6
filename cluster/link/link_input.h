// SPDX-License-Identifier: MIT
// The bytes that a link has received, as lines (of the handshake) and messages.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cluster/node_messages.h"
#include "resp/buffer.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

class LinkInput {
 public:
  // `room_bytes`: how much is received at once.
  explicit LinkInput(size_t room_bytes) : room_bytes_(room_bytes) {}

  // Where received bytes are written; pass their number to Commit.
  std::span<char> Room();
  void Commit(size_t count) { received_.Commit(count); }
  bool empty() const { return size() == 0; }
  // Bytes that were handed out neither as a line nor as a message.
  size_t size() const { return received_.size() - handed_out_; }
  // Bytes that arrived before, with the request.
  void Append(std::string_view bytes) { received_.Append(bytes); }

  // The next line, without its end; false if it has not arrived yet. Empty lines are skipped: they say that the other
  // side is still at work. An error if it has more than `most` bytes.
  storage::Result<bool> NextLine(size_t most, std::string* line);
  // The next message, valid until the next call of any method; false if it has not arrived yet. Errors: it is damaged,
  // or has more than `most` bytes.
  storage::Result<bool> NextMessage(NodeMessage* message, uint64_t most = kLargestMessage);
  // Calls `take(message)` for each message that has arrived, up to the first error, of either.
  template <typename Take>
  storage::Status TakeMessages(Take&& take, uint64_t most = kLargestMessage) {
    for (;;) {
      NodeMessage message;
      const storage::Result<bool> got = NextMessage(&message, most);
      if (!got) return tl::unexpected(got.error());
      if (!*got) return {};
      if (storage::Status taken = take(message); !taken) return taken;
    }
  }

 private:
  // Forgets the message that was handed out last.
  void Forget();

  const size_t room_bytes_;
  resp::Buffer received_;
  size_t handed_out_ = 0;  // bytes of the last message
  size_t needed_ = 0;      // bytes without which the next message can't be decoded
};

}  // namespace ringkv::cluster
