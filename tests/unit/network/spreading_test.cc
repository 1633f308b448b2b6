// SPDX-License-Identifier: MIT
#include "server/net/spreading.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

namespace ringkv::server {
namespace {

// Threads whose clients ask for so much each, in permille of a processor. A thread that is asked for more than a whole
// one is busy all the time.
class Threads {
 public:
  Threads(size_t count, Spreading spreading) : clients_(count), spreading_(spreading) {}

  void Connect(unsigned asks) {
    const std::vector<Burden> burdens = Measure();
    clients_[ThreadForNewClient(burdens, spreading_)].push_back(asks);
  }
  // Each thread measures, and gives away what it is to.
  size_t Tick() {
    size_t moves = 0;
    std::vector<Burden> burdens = Measure();
    for (size_t own = 0; own < clients_.size(); ++own) {
      const auto handover = PlanHandover(burdens, own, spreading_);
      if (handover) moves += Move(*handover, own, burdens);
    }
    return moves;
  }
  // How many moves there were until there were none any more.
  size_t Settle() {
    size_t moves = 0;
    for (int ticks = 0; ticks < 100; ++ticks) {
      const size_t more = Tick();
      if (more == 0) return moves;
      moves += more;
    }
    ADD_FAILURE() << "clients move to and fro";
    return moves;
  }
  template <typename Goes>
  void Disconnect(Goes&& goes) {
    for (auto& of_thread : clients_) std::erase_if(of_thread, goes);
  }
  std::vector<unsigned>& clients(size_t thread) { return clients_[thread]; }
  size_t CountServing() const {
    return static_cast<size_t>(std::count_if(clients_.begin(), clients_.end(), [](auto& of) { return !of.empty(); }));
  }
  unsigned Asked(size_t thread) const { return std::accumulate(clients_[thread].begin(), clients_[thread].end(), 0u); }
  unsigned MostAsked() const {
    unsigned most = 0;
    for (size_t i = 0; i < clients_.size(); ++i) most = std::max(most, Asked(i));
    return most;
  }
  size_t MostClients() const {
    return std::max_element(clients_.begin(), clients_.end(), [](auto& a, auto& b) { return a.size() < b.size(); })
        ->size();
  }

 private:
  std::vector<Burden> Measure() const {
    std::vector<Burden> burdens;
    for (size_t i = 0; i < clients_.size(); ++i) {
      burdens.push_back({.connections = clients_[i].size(), .busy = std::min(Asked(i), 1000u)});
    }
    return burdens;
  }
  // As Spreader does it.
  size_t Move(const Handover& handover, size_t own, std::vector<Burden>& burdens) {
    const unsigned asked = Asked(own);
    const unsigned own_busy = burdens[own].busy;
    size_t moved = 0;
    unsigned moved_busy = 0;
    std::erase_if(clients_[own], [&](unsigned asks) {
      const unsigned busy = asked == 0 ? 0 : own_busy * asks / asked;
      if (moved == handover.connections || (handover.only_active && asks == 0)) return false;
      if (busy > handover.busy - moved_busy) return false;
      clients_[handover.to].push_back(asks);
      ++moved;
      moved_busy += busy;
      return true;
    });
    burdens[handover.to].busy += moved_busy;
    burdens[handover.to].connections += moved;
    burdens[own].busy -= std::min(moved_busy, own_busy);
    burdens[own].connections -= moved;
    return moved;
  }

  std::vector<std::vector<unsigned>> clients_;
  const Spreading spreading_;
};

TEST(Spreading, EvenlyOverAllThreadsIfThatIsWanted) {
  Threads threads(4, Spreading::kEven);
  for (int i = 0; i < 40; ++i) threads.Connect(0);
  EXPECT_EQ(threads.MostClients(), 10u);
  EXPECT_EQ(threads.Settle(), 0u);
}

TEST(Spreading, EvenlyAgainWhenClientsHaveGone) {
  Threads threads(4, Spreading::kEven);
  for (int i = 0; i < 40; ++i) threads.Connect(1);
  threads.clients(1).clear();
  threads.clients(2).resize(2);
  threads.Settle();
  EXPECT_LE(threads.MostClients(), 8u);
  EXPECT_EQ(threads.CountServing(), 4u);
}

TEST(Spreading, AThriftyServerUsesOneThreadForLittleLoad) {
  Threads threads(8, Spreading::kThrifty);
  for (int i = 0; i < 50; ++i) threads.Connect(10);
  threads.Settle();
  EXPECT_EQ(threads.CountServing(), 1u);
}

TEST(Spreading, AThriftyServerUsesAsManyThreadsAsTheLoadNeeds) {
  Threads threads(8, Spreading::kThrifty);
  for (int i = 0; i < 50; ++i) threads.Connect(40);  // two processors
  threads.Settle();
  EXPECT_GE(threads.CountServing(), 3u);
  EXPECT_LE(threads.CountServing(), 5u);
  EXPECT_LT(threads.MostAsked(), 900u);
}

TEST(Spreading, AThreadThatIsNotNeededAnyMoreGivesItsClientsUp) {
  Threads threads(8, Spreading::kThrifty);
  for (int i = 0; i < 50; ++i) threads.Connect(40);
  threads.Settle();
  threads.Disconnect([n = 0](unsigned) mutable { return ++n % 10 != 0; });
  threads.Settle();
  EXPECT_EQ(threads.CountServing(), 1u);
}

TEST(Spreading, ManyClientsTakeMoreThreadsWhateverTheyDo) {
  Threads threads(4, Spreading::kThrifty);
  for (int i = 0; i < 10'000; ++i) threads.Connect(0);
  EXPECT_EQ(threads.CountServing(), 4u);
  EXPECT_LE(threads.MostClients(), 2600u);
  EXPECT_EQ(threads.Settle(), 0u);
}

TEST(Spreading, OthersMakeWayForAClientThatFillsAThread) {
  for (const Spreading spreading : {Spreading::kEven, Spreading::kThrifty}) {
    Threads threads(2, spreading);
    for (int i = 0; i < 20; ++i) threads.Connect(i == 7 ? 950 : 10);
    threads.Settle();
    const size_t full = threads.Asked(0) > threads.Asked(1) ? 0 : 1;
    EXPECT_LE(threads.clients(full).size(), 11u);
    EXPECT_LE(threads.Asked(1 - full), 200u);
    EXPECT_LE(threads.MostAsked(), 1060u);
  }
}

TEST(Spreading, WhereAllThreadsAreFullEachServesAsManyClients) {
  for (const Spreading spreading : {Spreading::kEven, Spreading::kThrifty}) {
    Threads threads(4, spreading);
    for (int i = 0; i < 64; ++i) threads.clients(i < 40 ? 0 : i < 50 ? 1 : i < 60 ? 2 : 3).push_back(300);
    threads.Settle();
    EXPECT_LE(threads.MostClients(), 21u);
  }
}

TEST(Spreading, ASingleClientStaysWhereItIs) {
  for (const Spreading spreading : {Spreading::kEven, Spreading::kThrifty}) {
    Threads threads(4, spreading);
    threads.Connect(1000);
    EXPECT_EQ(threads.Settle(), 0u);
  }
}

TEST(Spreading, RandomClientsSettle) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const Spreading spreading = round % 2 == 0 ? Spreading::kEven : Spreading::kThrifty;
    Threads threads(1 + random() % 16, spreading);
    for (size_t left = random() % 600; left > 0; --left) {
      const auto asks = static_cast<unsigned>(random() % (random() % 20 == 0 ? 1000 : 20));
      threads.Connect(random() % 3 == 0 ? 0 : asks);
      if (left % 100 == 0) threads.Tick();
    }
    threads.Settle();
    threads.Disconnect([&](unsigned) { return random() % 3 == 0; });
    threads.Settle();
  }
}

}  // namespace
}  // namespace ringkv::server
