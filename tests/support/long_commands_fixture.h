// SPDX-License-Identifier: MIT
// A server with one I/O thread and a set that is large enough for long commands.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/redis_client.h"

namespace ringkv::test {

using Words = std::vector<std::string>;

// Members of a set with which even a quick command takes long enough to go on elsewhere.
inline constexpr int kMembers = 100'000;

inline bool HasReply(redisContext* context) {
  pollfd waiting{.fd = context->fd, .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, 0) > 0;
}

inline void Fill(redisContext* context, const std::string& key, int from, int to) {
  constexpr int kAtOnce = 1000;
  for (int first = from; first < to; first += kAtOnce) {
    Words words{"SADD", key};
    for (int i = first; i < std::min(to, first + kAtOnce); ++i) words.push_back("member:" + std::to_string(i));
    Ask(context, words);
  }
}

inline int64_t IntegerOf(const Reply& reply) {
  if (reply == nullptr || reply->type != REDIS_REPLY_INTEGER) return -1;
  return reply->integer;
}

// They are started when they are needed first.
inline bool HasThreadForLongWork(const ServerProcess& server) {
  const std::string tasks = "/proc/" + std::to_string(server.pid()) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm") >> std::ws, name);
    if (name.starts_with("long-")) return true;
  }
  return false;
}

class LongCommands : public testing::Test {
 protected:
  LongCommands() { Fill(client_.get(), "set", 0, kMembers); }

  // How often another client gets an answer before the long command's reply comes. Each time of another key: one may be
  // in a partition that the command holds.
  int RepliesBeside(const Words& command) {
    const Context other = ConnectTo(server_);
    const std::string key = "other:" + std::to_string(++others_);
    Ask(other.get(), {"SET", key, "value"});
    SendRequest(client_.get(), command);
    int replies = 0;
    while (!HasReply(client_.get())) {
      const Reply reply = Ask(other.get(), {"GET", key});
      if (reply == nullptr || reply->type != REDIS_REPLY_STRING) return -1;
      ++replies;
    }
    TakeReply(client_.get());
    return replies;
  }
  void Queue(const std::vector<Words>& commands) {
    Ask(client_.get(), {"MULTI"});
    for (const Words& command : commands) Ask(client_.get(), command);
  }
  // Two might be served before a thread has seen the long command.
  bool OthersAreServedBeside(const Words& command) {
    return Eventually([&] { return RepliesBeside(command) > 2; });
  }

  ServerProcess server_{{"--io-threads", "1"}};
  const Context client_ = ConnectTo(server_);

 private:
  int others_ = 0;
};

}  // namespace ringkv::test
