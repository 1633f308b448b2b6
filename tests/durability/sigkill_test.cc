// SPDX-License-Identifier: MIT
// The real server, killed without warning while several clients write, snapshots are made and log files rolled.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>

#include "tests/support/redis_client.h"
#include "tests/support/temp_dir.h"

namespace ringkv::test {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kWriters = 4;

// Nobody else would write this.
std::string ValueOf(int writer, int64_t number) {
  return std::to_string(number) + ":" + std::string(static_cast<size_t>(20 + number % 200), 'a') + ":" +
         std::to_string(writer * 1'000'003 + number);
}

// One client that counts up. Two keys are set as one, and their other half in a transaction.
struct Writer {
  int id = 0;
  int64_t sent = 0;
  int64_t acknowledged = 0;
  int64_t acknowledged_a_second_before = 0;
  std::vector<std::pair<SteadyClock::time_point, int64_t>> history;

  void Run(const ServerProcess& server) {
    const Context context = ConnectTo(server);
    const std::string name = "writer:" + std::to_string(id);
    while (context->err == 0) {
      const int64_t number = ++sent;
      const std::string value = ValueOf(id, number);
      const Reply reply =
          Ask(context.get(), {"MSET", name, value, name + ":twin", value, name + ":n", std::to_string(number)});
      if (reply == nullptr) return;
      ASSERT_EQ(reply->type, REDIS_REPLY_STATUS) << reply->str;
      acknowledged = number;
      history.emplace_back(SteadyClock::now(), number);
    }
  }
};

int Cycles(int otherwise) {
  const char* given = std::getenv("RINGKV_CRASH_CYCLES");
  return given == nullptr ? otherwise : std::atoi(given);
}

class SigKill {
 public:
  SigKill(std::string policy, int run_ms) : policy_(std::move(policy)), run_ms_(run_ms) {
    for (int i = 0; i < kWriters; ++i) writers_[i].id = i;
  }

  void Cycle(uint32_t seed) {
    std::mt19937 random(seed);
    {
      ServerProcess server(Options());
      ASSERT_NE(server.port(), 0) << server.Log();
      Check(server);
      if (testing::Test::HasFatalFailure()) return;
      std::vector<std::thread> threads;
      for (Writer& writer : writers_) threads.emplace_back([&] { writer.Run(server); });
      const auto end =
          SteadyClock::now() + std::chrono::milliseconds(run_ms_ / 2 + static_cast<int>(random() % run_ms_));
      const Context context = ConnectTo(server);
      while (SteadyClock::now() < end) {
        Ask(context.get(), {random() % 2 == 0 ? "BGSAVE" : "PING"});
        ::usleep(static_cast<useconds_t>(random() % 10'000));
      }
      server.Signal(SIGKILL);
      killed_ = SteadyClock::now();
      for (std::thread& thread : threads) thread.join();
    }
    for (Writer& writer : writers_) {
      for (const auto& [when, number] : writer.history) {
        if (killed_ - when > std::chrono::seconds(1)) writer.acknowledged_a_second_before = number;
      }
      writer.history.clear();
    }
  }

  void Check(const ServerProcess& server) {
    const Context context = ConnectTo(server);
    for (Writer& writer : writers_) {
      if (writer.sent == 0) continue;
      const std::string name = "writer:" + std::to_string(writer.id);
      const Reply reply = Ask(context.get(), {"MGET", name, name + ":twin", name + ":n"});
      ASSERT_NE(reply, nullptr);
      const auto text = [&](size_t i) {
        return std::string(reply->element[i]->str == nullptr ? "" : reply->element[i]->str, reply->element[i]->len);
      };
      const int64_t number = std::atoll(text(2).c_str());
      const int64_t least = policy_ == "always" ? writer.acknowledged : writer.acknowledged_a_second_before;
      ASSERT_GE(number, least) << name << " lost what was acknowledged";
      ASSERT_LE(number, writer.sent) << name << " holds what nobody wrote";
      if (number > 0) {
        ASSERT_EQ(text(0), ValueOf(writer.id, number));
        ASSERT_EQ(text(1), text(0)) << "half of a group";
      }
      writer.sent = number;
      writer.acknowledged = number;
      writer.acknowledged_a_second_before = number;
    }
  }

  std::vector<std::string> Options() const {
    return {"--dir", dir_.Path(""),     "--appendonly", "yes",    "--appendfsync",
            policy_, "--log-file-size", "64kb",         "--save", ""};
  }

 private:
  const std::string policy_;
  const int run_ms_;
  TempDir dir_;
  std::array<Writer, kWriters> writers_;
  SteadyClock::time_point killed_;
};

TEST(SigKill, AlwaysLosesNothingThatWasAcknowledged) {
  SigKill crash("always", 60);
  for (int i = 0; i < Cycles(100) && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("cycle " + std::to_string(i));
    crash.Cycle(static_cast<uint32_t>(i));
  }
  ServerProcess server(crash.Options());
  crash.Check(server);
}

TEST(SigKill, EverySecondLosesAtMostASecond) {
  SigKill crash("everysec", 1200);
  for (int i = 0; i < Cycles(100) / 20 && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("cycle " + std::to_string(i));
    crash.Cycle(static_cast<uint32_t>(i));
  }
  ServerProcess server(crash.Options());
  crash.Check(server);
}

}  // namespace
}  // namespace ringkv::test
