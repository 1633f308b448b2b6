// SPDX-License-Identifier: MIT
// Clients of a server that move from thread to thread all the time.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/redis_client.h"

namespace ringkv::test {

inline std::string TextOf(const Reply& reply) {
  if (reply == nullptr) return "<no reply>";
  if (reply->type == REDIS_REPLY_INTEGER) return std::to_string(reply->integer);
  return reply->str == nullptr ? "" : std::string(reply->str, reply->len);
}

inline std::string AskText(const Context& context, const std::vector<std::string>& words) {
  return TextOf(Ask(context.get(), words));
}

inline int64_t CountMoves(const ServerProcess& server) { return std::stoll(server.Info("io_thread_moves")); }

// Connections that come and go, so that threads have more or fewer than others all the time.
class Crowd {
 public:
  explicit Crowd(const ServerProcess& server, unsigned seed) : server_(server), random_(seed) {}
  ~Crowd() {
    for (const int socket : sockets_) ::close(socket);
  }
  void Change() {
    while (sockets_.size() < 24) sockets_.push_back(server_.Connect());
    for (const int socket : sockets_) SendAll(socket, "PING\r\n");
    for (const int socket : sockets_) EXPECT_EQ(ReceiveExactly(socket, 7), "+PONG\r\n");
    // Neighbours are on different threads, so those of one thread go.
    const size_t step = 2 + random_() % 3;
    const size_t first = random_() % step;
    std::vector<int> kept;
    for (size_t i = 0; i < sockets_.size(); ++i) {
      if (i % step == first) {
        kept.push_back(sockets_[i]);
      } else {
        ::close(sockets_[i]);
      }
    }
    sockets_ = std::move(kept);
  }

 private:
  const ServerProcess& server_;
  std::mt19937 random_;
  std::vector<int> sockets_;
};

// Called again and again.
using RoundsOfWork = std::function<void(unsigned round)>;

// Does each work in a thread of its own, until clients of the server have moved often.
inline void RunWhileClientsMove(const ServerProcess& server, const std::vector<RoundsOfWork>& works) {
  std::atomic<bool> is_over{false};
  std::vector<std::jthread> threads;
  threads.reserve(works.size());
  for (const RoundsOfWork& work : works) {
    threads.emplace_back([&] {
      for (unsigned round = 0; !is_over && !testing::Test::HasFailure(); ++round) work(round);
    });
  }
  Crowd crowd(server, 1);
  const int64_t wanted = CountMoves(server) + 100;
  EXPECT_TRUE(Eventually([&] {
    crowd.Change();
    return CountMoves(server) >= wanted || testing::Test::HasFailure();
  }));
  is_over = true;
  for (std::jthread& thread : threads) thread.join();
}

}  // namespace ringkv::test
