// SPDX-License-Identifier: MIT
// Registers of a cluster that clients write and read while slots change owners: nobody may read what is stale or lost.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/redis_client.h"

namespace ringkv::test {

inline constexpr size_t kMovingKeys = 400;

// A client that follows redirections, and lost connections, until it has an answer or its time is over.
class Follower {
 public:
  explicit Follower(const std::vector<int>& ports) : ports_(ports) {}

  // Null: no answer came, and what became of the command is open. `is_sure` then says that nothing has.
  Reply Ask(const std::vector<std::string>& words, const std::atomic<bool>& stop) {
    int port = ports_[next_++ % 3];
    bool asks = false;
    while (!stop) {
      redisContext* context = To(port);
      if (context == nullptr || (asks && test::Ask(context, {"ASKING"}) == nullptr)) {
        Forget(port);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        port = ports_[next_++ % 3];
        asks = false;
        continue;
      }
      Reply reply = test::Ask(context, words);
      if (reply == nullptr) {
        Forget(port);
        return nullptr;
      }
      if (reply->type != REDIS_REPLY_ERROR) return reply;
      const std::string error = reply->str;
      asks = error.starts_with("ASK ");
      if (asks || error.starts_with("MOVED ")) {
        ++redirections_;
        port = std::atoi(error.substr(error.rfind(':') + 1).c_str());
      } else if (error.starts_with("TRYAGAIN") || error.starts_with("CLUSTERDOWN") || error.starts_with("LOADING")) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        port = ports_[next_++ % 3];
      } else {
        ADD_FAILURE() << error;
        return nullptr;
      }
    }
    return nullptr;
  }

  size_t redirections() const { return redirections_; }

 private:
  redisContext* To(int port) {
    Context& context = contexts_[port];
    if (context == nullptr || context->err != 0) {
      context.reset(::redisConnectWithTimeout("127.0.0.1", port, {1, 0}));
      if (context != nullptr) ::redisSetTimeout(context.get(), {5, 0});
    }
    return context == nullptr || context->err != 0 ? nullptr : context.get();
  }
  void Forget(int port) { contexts_.erase(port); }

  const std::vector<int> ports_;
  size_t redirections_ = 0;
  std::map<int, Context> contexts_;
  size_t next_ = 0;
};

// How registers are written and read: the words before the name, and for a write before the value too.
struct Wording {
  std::vector<std::string> write;
  std::vector<std::string> read;
};

inline const Wording kCommands{{"SET"}, {"GET"}};

// A register is two keys then, of which the second is not declared. Some scripts take longer than their first slice.
inline const std::string kWriteBoth = R"(
  local twin = '{' .. KEYS[1] .. '}:twin'
  redis.call('SET', KEYS[1], ARGV[1])
  for part = 1, ARGV[1] % 2 * 5 do
    for spin = 1, 2e5 do end
    redis.call('SET', twin, '-')
  end
  redis.call('SET', twin, ARGV[1])
  return redis.call('GET', KEYS[1]))";
inline const std::string kReadBoth = R"(
  local value, twin = redis.call('GET', KEYS[1]), redis.call('GET', '{' .. KEYS[1] .. '}:twin')
  if value ~= twin then return redis.error_reply('ERR half of a script is seen') end
  return value)";
inline const Wording kScripts{{"EVAL", kWriteBoth, "1"}, {"EVAL_RO", kReadBoth, "1"}};
inline const Wording kFunctions{{"FCALL", "write_both", "1"}, {"FCALL_RO", "read_both", "1"}};
inline const std::string kFunctionsLibrary =
    "#!lua name=registers\n"
    "redis.register_function('write_both', function(KEYS, ARGV) " +
    kWriteBoth +
    " end)\n"
    "redis.register_function{function_name='read_both', flags={'no-writes'}, "
    "callback=function(KEYS) " +
    kReadBoth + " end}";

// Registers with growing numbers. Each is written by one client; whoever reads one must see at least the last number
// that was acknowledged before the read began, and at most the last that was sent before it ended.
class Registers {
 public:
  // Clients use the wordings in turn.
  explicit Registers(const std::vector<int>& ports, std::vector<Wording> wordings = {kCommands})
      : ports_(ports), wordings_(std::move(wordings)) {}
  ~Registers() { End(); }

  void Begin(size_t clients) {
    stop_ = false;
    for (size_t i = 0; i < clients; ++i) {
      threads_.emplace_back([this, i, clients] {
        Follower client(ports_);
        const Wording& wording = wordings_[i % wordings_.size()];
        std::mt19937 random(static_cast<unsigned>(i));
        while (!stop_) {
          const size_t key = random() % kMovingKeys;
          if (random() % 2 == 0) {
            Write(client, wording, key / clients * clients + i < kMovingKeys ? key / clients * clients + i : i);
          } else {
            Read(client, wording, key);
          }
        }
        redirections_ += client.redirections();
      });
    }
  }
  void End() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    stop_ = false;
  }
  void ReadAll() {
    Follower client(ports_);
    for (size_t key = 0; key < kMovingKeys; ++key) Read(client, wordings_[0], key);
  }
  uint64_t answers() const { return answers_; }
  // That the clients which have ended had to follow.
  uint64_t redirections() const { return redirections_; }

 private:
  static std::string Name(size_t key) { return "register:" + std::to_string(key); }
  static std::vector<std::string> With(std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  void Write(Follower& client, const Wording& wording, size_t key) {
    const uint64_t value = ++sent_[key];
    const Reply reply = client.Ask(With(wording.write, {Name(key), std::to_string(value)}), stop_);
    if (reply == nullptr) return;
    acknowledged_[key] = value;
    ++answers_;
  }
  void Read(Follower& client, const Wording& wording, size_t key) {
    const uint64_t least = acknowledged_[key];
    const Reply reply = client.Ask(With(wording.read, {Name(key)}), stop_);
    if (reply == nullptr) return;
    const uint64_t most = sent_[key];
    const uint64_t value = reply->type == REDIS_REPLY_NIL ? 0 : std::stoull(reply->str);
    ++answers_;
    EXPECT_GE(value, least) << Name(key) << " is stale or lost";
    EXPECT_LE(value, most) << Name(key);
  }

  const std::vector<int> ports_;
  const std::vector<Wording> wordings_;
  std::array<std::atomic<uint64_t>, kMovingKeys> sent_{};
  std::array<std::atomic<uint64_t>, kMovingKeys> acknowledged_{};
  std::atomic<uint64_t> answers_{0};
  std::atomic<uint64_t> redirections_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

}  // namespace ringkv::test
