// SPDX-License-Identifier: MIT
// Clients of a shard whose primary may change: each writes registers of its own, and reads everybody's, at whoever
// takes itself for the primary. Nobody may read what is stale or lost.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/redis_client.h"

namespace ringkv::test {

// A client that asks one node after the other until one of them acts as the primary.
class PrimarySeeker {
 public:
  using Ports = std::function<std::vector<int>()>;
  explicit PrimarySeeker(Ports ports) : ports_(std::move(ports)) {}

  enum class Outcome : uint8_t { kDone, kRefused, kOpen };
  // One attempt.
  Outcome Write(const std::string& key, uint64_t value) {
    const Reply reply = Try({"SET", key, std::to_string(value)});
    if (reply == nullptr) return Outcome::kOpen;
    if (reply->type != REDIS_REPLY_ERROR) return Outcome::kDone;
    const std::string error = reply->str;
    GoOn();
    return error.find("outcome is open") != std::string::npos ? Outcome::kOpen : Outcome::kRefused;
  }
  // One attempt; the value is 0 if there is none.
  Outcome Read(const std::string& key, uint64_t* value) {
    if (Try({"MULTI"}) == nullptr || Try({"ROLE"}) == nullptr || Try({"GET", key}) == nullptr) return Outcome::kOpen;
    const Reply reply = Try({"EXEC"});
    if (reply == nullptr) return Outcome::kOpen;
    const bool is_primary = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                            reply->element[0]->type == REDIS_REPLY_ARRAY &&
                            std::string_view(reply->element[0]->element[0]->str) == "master" &&
                            reply->element[1]->type != REDIS_REPLY_ERROR;
    if (!is_primary) {
      GoOn();
      return Outcome::kRefused;
    }
    const redisReply* const found = reply->element[1];
    *value = found->type == REDIS_REPLY_NIL ? 0 : std::stoull(found->str);
    return Outcome::kDone;
  }

 private:
  // Null: there was no answer.
  Reply Try(const std::vector<std::string>& words) {
    if (context_ == nullptr) {
      const std::vector<int> ports = ports_();
      context_.reset(::redisConnectWithTimeout("127.0.0.1", ports[next_ % ports.size()], {0, 300'000}));
      if (context_ != nullptr) ::redisSetTimeout(context_.get(), {1, 0});
    }
    Reply reply = context_ == nullptr || context_->err != 0 ? nullptr : Ask(context_.get(), words);
    if (reply == nullptr) GoOn();
    return reply;
  }
  void GoOn() {
    context_.reset();
    ++next_;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

  const Ports ports_;
  Context context_;
  size_t next_ = 0;
};

// `Client` makes one attempt of a read or a write each time, as PrimarySeeker.
template <typename Client>
class RegisterLoad {
 public:
  RegisterLoad(PrimarySeeker::Ports ports, size_t clients) {
    for (size_t i = 0; i < clients; ++i) {
      threads_.emplace_back([this, ports, i, clients] { Run(Client(ports), i, clients); });
    }
  }
  ~RegisterLoad() { End(); }
  void End() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  uint64_t acknowledged() const { return acknowledgements_; }
  uint64_t reads() const { return reads_; }
  // Between two acknowledgements of anybody.
  int64_t longest_gap_ms() const { return longest_gap_ms_; }

  // Every register, read by itself until there is an answer.
  void ReadAll(const PrimarySeeker::Ports& ports) {
    Client client(ports);
    for (size_t key = 0; key < kKeys; ++key) {
      EXPECT_TRUE(Eventually([&] { return Read(client, key); })) << Name(key);
    }
  }

 private:
  static constexpr size_t kKeys = 64;
  static std::string Name(size_t key) { return "register:" + std::to_string(key); }

  void Run(Client client, size_t number, size_t clients) {
    std::mt19937 random(static_cast<unsigned>(number));
    while (!stop_) {
      const size_t key = random() % kKeys;
      if (random() % 2 == 0) {
        Write(client, key / clients * clients + number < kKeys ? key / clients * clients + number : number);
      } else {
        Read(client, key);
      }
    }
  }
  void Write(Client& client, size_t key) {
    const uint64_t value = ++sent_[key];
    if (client.Write(Name(key), value) != Client::Outcome::kDone) return;
    acknowledged_[key] = value;
    ++acknowledgements_;
    const int64_t now =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
            .count();
    const int64_t last = last_at_ms_.exchange(now);
    if (last != 0 && now - last > longest_gap_ms_) longest_gap_ms_ = now - last;
  }
  bool Read(Client& client, size_t key) {
    const uint64_t least = acknowledged_[key];
    uint64_t value = 0;
    if (client.Read(Name(key), &value) != Client::Outcome::kDone) return false;
    const uint64_t most = sent_[key];
    ++reads_;
    EXPECT_GE(value, least) << Name(key) << " is stale or lost";
    EXPECT_LE(value, most) << Name(key);
    return true;
  }

  std::array<std::atomic<uint64_t>, kKeys> sent_{};
  std::array<std::atomic<uint64_t>, kKeys> acknowledged_{};
  std::atomic<uint64_t> acknowledgements_{0};
  std::atomic<int64_t> last_at_ms_{0};
  std::atomic<int64_t> longest_gap_ms_{0};
  std::atomic<uint64_t> reads_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

using ShardLoad = RegisterLoad<PrimarySeeker>;

}  // namespace ringkv::test
