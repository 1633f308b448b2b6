// SPDX-License-Identifier: MIT
// A session whose scripts are answered later when they take long, and what is told to their clients.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "resp/buffer.h"
#include "server/scripts/scripts.h"
#include "storage/base/mutex.h"
#include "tests/support/session_fixture.h"

namespace ringkv::server {

// Keeps what is to be done later.
class KeptLinks final : public test::NoLinks {
 public:
  // By any thread.
  void RunOn(size_t, std::function<void()> work) override {
    storage::MutexLock lock(mutex_);
    work_.push_back(std::move(work));
  }
  void Answer(const ClientCard&, LateAnswer answer) override {
    constexpr uint64_t kMinuteNs = 60'000'000'000;
    EXPECT_LT(answer.nanoseconds, kMinuteNs);
    answers.push_back(answer.long_reply != nullptr ? std::string(answer.long_reply->Readable()) : answer.reply);
  }
  void Deliver(size_t, size_t, std::shared_ptr<const std::vector<uint64_t>>,
               std::shared_ptr<const std::string> bytes) override {
    delivered.push_back(*bytes);
  }
  void Push(const ClientCard&, std::shared_ptr<const std::string> bytes) override { pushed.push_back(*bytes); }

  // Does all of it. `most`: so many pieces.
  void Work(int most = 1'000'000) {
    for (; most > 0; --most) {
      const std::function<void()> next = Take();
      if (!next) return;
      next();
    }
  }

  size_t pending() const {
    storage::MutexLock lock(mutex_);
    return work_.size();
  }

  std::vector<std::string> answers;
  std::vector<std::string> delivered;  // to subscribers
  std::vector<std::string> pushed;     // to clients in MONITOR

 private:
  // Null if there is none.
  std::function<void()> Take() {
    storage::MutexLock lock(mutex_);
    if (work_.empty()) return nullptr;
    std::function<void()> next = std::move(work_.front());
    work_.pop_front();
    return next;
  }

  mutable storage::Mutex mutex_;
  std::deque<std::function<void()>> work_ GUARDED_BY(mutex_);
};

struct WithKeptLinks {
  KeptLinks links_;
};

class ScriptsTest : protected WithKeptLinks, public SessionFixture {
 protected:
  ScriptsTest() : SessionFixture(links_) { may_wait_ = true; }

  std::string Eval(const std::string& script, const std::vector<std::string>& keys = {}) {
    std::vector<std::string> words{"EVAL", script, std::to_string(keys.size())};
    words.insert(words.end(), keys.begin(), keys.end());
    return RunOn(*session_, words);
  }
  // The reply to a request that runs a quick script, which takes longer than its slice where others use the processor,
  // or has a long call made elsewhere.
  std::string Awaited(const std::string& reply) {
    if (!Ended<outcome::LateReply>()) return reply;
    const size_t before = links_.answers.size();
    while (links_.answers.size() == before) {
      server_.scripts().ResumeWaiting(0);
      links_.Work(1);
    }
    return links_.answers.back();
  }
  std::string Result(const std::string& script, const std::vector<std::string>& keys = {}) {
    return Awaited(Eval(script, keys));
  }
  // The reply to FUNCTION LOAD REPLACE.
  std::string Load(const std::string& code) { return Awaited(RunOn(*session_, {"FUNCTION", "LOAD", "REPLACE", code})); }
  // Begins a script that goes on until it is killed.
  void BeginEndless(const std::vector<std::string>& keys = {}) {
    Eval("for i = 1,#KEYS do redis.call('GET',KEYS[i]) end while true do end", keys);
    ASSERT_TRUE(Ended<outcome::LateReply>());
  }
  void Kill() {
    EXPECT_EQ(server_.scripts().Kill(false), "");
    links_.Work();
  }
};

}  // namespace ringkv::server
