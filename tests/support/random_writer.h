// SPDX-License-Identifier: MIT
// A client that writes without a pause.
#pragma once

#include <atomic>
#include <cstdint>
#include <random>
#include <thread>

#include "tests/support/redis_client.h"

namespace ringkv::test {

// Writes of many kinds, pipelined, until it is told to stop or the connection ends.
class RandomWriter {
 public:
  explicit RandomWriter(const ServerProcess& server, uint32_t seed = 1)
      : context_(ConnectTo(server)), random_(seed), thread_([this] { Run(); }) {}
  ~RandomWriter() { Stop(); }
  void Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int64_t written() const { return written_; }

 private:
  void Run() {
    while (!stopping_ && context_->err == 0) {
      constexpr int kPipelined = 20;
      for (int i = 0; i < kPipelined; ++i) Append();
      for (int i = 0; i < kPipelined; ++i) {
        void* reply = nullptr;
        if (::redisGetReply(context_.get(), &reply) != REDIS_OK) return;
        ::freeReplyObject(reply);
      }
      written_ += kPipelined;
    }
  }
  void Append() {
    const auto key = static_cast<unsigned>(random_() % 5000);
    const auto number = static_cast<unsigned>(random_());
    redisContext* to = context_.get();
    switch (random_() % 16) {
      case 0: ::redisAppendCommand(to, "DEL key:%u", key); break;
      case 1: ::redisAppendCommand(to, "APPEND key:%u more", key); break;
      case 2: ::redisAppendCommand(to, "EXPIRE key:%u 1000", key); break;
      case 3: ::redisAppendCommand(to, "INCR n:%u", key); break;
      case 4: ::redisAppendCommand(to, "MSET key:%u %u key:%u %u", key, number, key + 1, number); break;
      case 5: ::redisAppendCommand(to, "SET px:%u %u PX 20", key, number); break;
      case 6: ::redisAppendCommand(to, "SETBIT bits:%u %u 1", key % 10, number % 10000); break;
      case 7:
        number % 500 == 0 ? ::redisAppendCommand(to, "FLUSHDB") : ::redisAppendCommand(to, "COPY key:%u n:c", key);
        break;
      default: ::redisAppendCommand(to, "SET key:%u value:%u", key, number);
    }
  }

  Context context_;
  std::mt19937 random_;
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> written_{0};
  std::thread thread_;
};

}  // namespace ringkv::test
