// SPDX-License-Identifier: MIT
// A client of RESP3 that hears of keys which have changed, in the order of the bytes on its connection. (hiredis 0.14
// knows no pushes.)
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "resp/reply.h"
#include "resp/reply_parser.h"
#include "tests/support/server_process.h"

namespace ringkv::test {

class TrackingClient {
 public:
  // What it hears: a key; "*": everything has changed.
  using Hears = std::function<void(const std::string& key)>;

  // `words`: of CLIENT TRACKING.
  TrackingClient(const ServerProcess& server, const std::vector<std::string>& words, Hears hears)
      : socket_(server.Connect()), hears_(std::move(hears)) {
    Ask({"HELLO", "3"});
    std::vector<std::string> all = {"CLIENT", "TRACKING", "ON"};
    all.insert(all.end(), words.begin(), words.end());
    EXPECT_EQ(Ask(all).text, "OK");
  }
  ~TrackingClient() { ::close(socket_); }
  TrackingClient(const TrackingClient&) = delete;
  TrackingClient& operator=(const TrackingClient&) = delete;

  void Send(const std::vector<std::string>& words) {
    std::string request = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) request += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    SendAll(socket_, request);
  }
  // The reply to the first request that has none yet; hears what comes before it.
  resp::Reply Take() {
    for (;;) {
      const bool is_push = !input_.empty() && input_[0] == '>';
      resp::Reply reply;
      size_t consumed = 0;
      const resp::ReplyStatus status = resp::ParseReply(input_, {}, &reply, &consumed);
      if (status == resp::ReplyStatus::kNeedMore && Receive()) continue;
      if (status != resp::ReplyStatus::kReply) {
        ADD_FAILURE() << "no reply in: " << input_.substr(0, 100);
        return {};
      }
      input_.erase(0, consumed);
      if (!is_push) return reply;
      Hear(reply);
    }
  }
  resp::Reply Ask(const std::vector<std::string>& words) {
    Send(words);
    return Take();
  }

 private:
  bool Receive() {
    char bytes[65536];
    const ssize_t received = ::recv(socket_, bytes, sizeof bytes, 0);
    if (received > 0) input_.append(bytes, static_cast<size_t>(received));
    return received > 0;
  }
  void Hear(const resp::Reply& push) {
    ASSERT_EQ(push.members.size(), 2u);
    ASSERT_EQ(push.members[0].text, "invalidate");
    const resp::Reply& keys = push.members[1];
    if (keys.kind == resp::ReplyKind::kNull) return hears_("*");
    for (const resp::Reply& key : keys.members) hears_(key.text);
  }

  const int socket_;
  const Hears hears_;
  std::string input_;
};

}  // namespace ringkv::test
