// SPDX-License-Identifier: MIT
#include "server/net/gathering.h"

#include <gtest/gtest.h>

#include <vector>

namespace ringkv::server {
namespace {

// Clients that are served in turn.
class Clients {
 public:
  explicit Clients(size_t count) : windows_(count) {}

  // True if the thread pauses behind a round that serves so many of them.
  bool Round(Gathering& gathering, size_t served) {
    for (size_t i = 0; i < served; ++i) gathering.CountServed(windows_[next_++ % windows_.size()]);
    return gathering.EndRound();
  }
  // How often it pauses in so many rounds.
  size_t Pauses(Gathering& gathering, size_t rounds, size_t served) {
    size_t pauses = 0;
    for (size_t i = 0; i < rounds; ++i) pauses += Round(gathering, served) ? 1 : 0;
    return pauses;
  }

 private:
  std::vector<uint32_t> windows_;
  size_t next_ = 0;
};

constexpr size_t kWarmUp = 1000;

TEST(Gathering, PausesBehindEachRoundOfAFewOfManyClients) {
  Gathering gathering;
  Clients clients(50);
  clients.Pauses(gathering, kWarmUp, 5);
  EXPECT_EQ(clients.Pauses(gathering, 100, 5), 100);
}

TEST(Gathering, FewClientsNeverWaitForAPause) {
  for (const size_t count : {1, 2, 8, 16}) {
    Gathering gathering;
    Clients clients(count);
    EXPECT_EQ(clients.Pauses(gathering, kWarmUp, 1), 0) << count;
    EXPECT_EQ(clients.Pauses(gathering, kWarmUp, count), 0) << count;
  }
}

TEST(Gathering, IdleClientsDoNotCount) {
  Gathering gathering;
  Clients many(50);
  many.Pauses(gathering, kWarmUp, 5);
  Clients few(4);
  few.Pauses(gathering, kWarmUp, 2);
  EXPECT_EQ(few.Pauses(gathering, kWarmUp, 2), 0);
}

TEST(Gathering, DoesNotPauseWhileMostClientsWait) {
  Gathering gathering;
  Clients clients(50);
  clients.Pauses(gathering, kWarmUp, 40);
  EXPECT_EQ(clients.Pauses(gathering, kWarmUp, 40), 0);
}

TEST(Gathering, RestsWhenAPauseHasGatheredNothing) {
  Gathering gathering;
  Clients clients(50);
  EXPECT_LT(clients.Pauses(gathering, kWarmUp, 1), kWarmUp / 100);
}

TEST(Gathering, PausesAgainWhenMoreIsDone) {
  Gathering gathering;
  Clients clients(50);
  clients.Pauses(gathering, 10 * kWarmUp, 1);
  clients.Pauses(gathering, kWarmUp + 100, 5);  // the longest rest is over by then
  EXPECT_EQ(clients.Pauses(gathering, 100, 5), 100);
}

TEST(Gathering, ARoundOfTimersAloneIsNoReasonToPause) {
  Gathering gathering;
  Clients clients(50);
  clients.Pauses(gathering, kWarmUp, 5);
  EXPECT_FALSE(clients.Round(gathering, 0));
}

}  // namespace
}  // namespace ringkv::server
