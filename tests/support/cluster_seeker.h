// SPDX-License-Identifier: MIT
// A client of a cluster that learns from redirects which node has a key, and looks for another one when a node does not
// answer.
#pragma once

#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/primary_seeker.h"
#include "tests/support/redis_client.h"

namespace ringkv::test {

class ClusterSeeker {
 public:
  using Ports = PrimarySeeker::Ports;
  using Outcome = PrimarySeeker::Outcome;
  explicit ClusterSeeker(Ports ports) : ports_(std::move(ports)) {}

  // One attempt, which follows a redirect or two.
  Outcome Write(const std::string& key, uint64_t value) {
    const Reply reply = Follow(key, {"SET", key, std::to_string(value)});
    if (reply == nullptr) return Outcome::kOpen;
    if (reply->type != REDIS_REPLY_ERROR) return Outcome::kDone;
    return std::string(reply->str).find("outcome is open") != std::string::npos ? Outcome::kOpen : Outcome::kRefused;
  }
  // One attempt; the value is 0 if there is none.
  Outcome Read(const std::string& key, uint64_t* value) {
    const Reply reply = Follow(key, {"GET", key});
    if (reply == nullptr) return Outcome::kOpen;
    if (reply->type == REDIS_REPLY_ERROR) return Outcome::kRefused;
    *value = reply->type == REDIS_REPLY_NIL ? 0 : std::stoull(reply->str);
    return Outcome::kDone;
  }

 private:
  Reply Follow(const std::string& key, const std::vector<std::string>& words) {
    constexpr int kMostRedirects = 3;
    int port = port_of_[key] != 0 ? port_of_[key] : AnyPort();
    bool asks = false;
    for (int i = 0;; ++i) {
      if (asks) static_cast<void>(Try(port, {"ASKING"}));
      Reply reply = Try(port, words);
      if (reply == nullptr || reply->type != REDIS_REPLY_ERROR) {
        if (reply == nullptr) std::erase_if(port_of_, [&](const auto& each) { return each.second == port; });
        if (reply != nullptr && !asks) port_of_[key] = port;
        return reply;
      }
      const std::string error = reply->str;
      asks = error.starts_with("ASK ");
      const bool is_redirect = asks || error.starts_with("MOVED ");
      if (!is_redirect || i == kMostRedirects) {
        port_of_[key] = 0;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        return reply;
      }
      port = std::atoi(error.substr(error.rfind(':') + 1).c_str());
    }
  }
  int AnyPort() {
    const std::vector<int> ports = ports_();
    return ports[next_++ % ports.size()];
  }
  // Null: there was no answer.
  Reply Try(int port, const std::vector<std::string>& words) {
    Context& context = contexts_[port];
    if (context == nullptr) {
      context.reset(::redisConnectWithTimeout("127.0.0.1", port, {0, 300'000}));
      if (context != nullptr) ::redisSetTimeout(context.get(), {1, 0});
    }
    Reply reply = context == nullptr || context->err != 0 ? nullptr : Ask(context.get(), words);
    if (reply == nullptr) {
      context.reset();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return reply;
  }

  const Ports ports_;
  std::map<int, Context> contexts_;
  std::map<std::string, int> port_of_;  // by key
  size_t next_ = 0;
};

using ClusterLoad = RegisterLoad<ClusterSeeker>;

}  // namespace ringkv::test
