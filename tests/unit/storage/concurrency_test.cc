// SPDX-License-Identifier: MIT
// Writers, expiry, eviction, flushes and walks at once: mostly for ThreadSanitizer, but counters must add up too.
#include <atomic>
#include <thread>

#include "storage/housekeeping/eviction.h"
#include "storage/housekeeping/expiry_job.h"
#include "tests/support/store_fixture.h"

namespace ringkv::storage {
namespace {

class Concurrency : public StoreFixture {
 protected:
  // Runs each job in a thread of its own until `seconds_` rounds are done by the first.
  template <typename... Jobs>
  void RunTogether(Jobs&&... jobs) {
    std::vector<std::thread> threads;
    (threads.emplace_back(jobs), ...);
    for (std::thread& thread : threads) thread.join();
  }

  void Increment(Random& random, const std::string& key) {
    Txn txn(store_, clock_.Now(), random);
    txn.LockKey(key);
    Place place = txn.Find(0, key, Intent::kWrite);
    const int value = place ? std::stoi(std::string(place.value())) : 0;
    txn.Do(place, StringPut{std::to_string(value + 1)}, events::kNone);
  }
};

TEST_F(Concurrency, NoIncrementIsLost) {
  constexpr int kRounds = 20'000;
  const auto increment = [&](uint64_t seed) {
    return [this, seed] {
      Random random(seed);
      for (int i = 0; i < kRounds; ++i) Increment(random, "counter:" + std::to_string(i % 7));
    };
  };
  RunTogether(increment(1), increment(2), increment(3));
  int sum = 0;
  for (int i = 0; i < 7; ++i) sum += std::stoi(*Get("counter:" + std::to_string(i)));
  EXPECT_EQ(sum, 3 * kRounds);
}

TEST_F(Concurrency, TransactionsOverSeveralKeysAreAtomicAndDontDeadlock) {
  Put("a", "1000");
  Put("b", "1000");
  std::atomic<bool> torn{false};
  const auto read = [](const Place& place) { return std::stoi(std::string(place.value())); };
  const auto transfer = [&](const char* first, const char* second, uint64_t seed) {
    return [this, &torn, &read, first, second, seed] {
      Random random(seed);
      for (int i = 0; i < 10'000; ++i) {
        Txn txn(store_, clock_.Now(), random);
        txn.AddKey(first);
        txn.AddKey(second);
        txn.LockAdded();
        Place from = txn.Find(0, first, Intent::kWrite);
        const int from_value = read(from);
        Place to = txn.Find(0, second, Intent::kWrite);
        if (from_value + read(to) != 2000) torn = true;
        const std::string to_value = std::to_string(read(to) + 1);
        txn.Do(to, StringPut{to_value}, events::kNone);
        from = txn.Find(0, first, Intent::kWrite);
        txn.Do(from, StringPut{std::to_string(from_value - 1)}, events::kNone);
      }
    };
  };
  RunTogether(transfer("a", "b", 1), transfer("b", "a", 2));
  EXPECT_FALSE(torn);
  EXPECT_EQ(Get("a"), "1000");
}

TEST_F(Concurrency, EverythingAtOnceKeepsTheKeysThatStay) {
  store_.reclaimer().Start();
  for (int i = 0; i < 2000; ++i) Put("stay:" + std::to_string(i), std::string(50, 'x'));
  std::atomic<bool> done{false};
  const auto writer = [&](uint64_t seed) {
    return [this, seed] {
      Random random(seed);
      for (int i = 0; i < 60'000; ++i) {
        Txn txn(store_, clock_.Now(), random);
        const std::string key = "other:" + std::to_string(random.Below(30'000));
        txn.LockKey(key);
        Place place = txn.Find(1, key, Intent::kWrite);
        if (place && random.Below(3) == 0) {
          txn.Do(place, Erase{}, events::kNone);
        } else {
          txn.Do(place,
                 StringPut{std::string(random.Below(100), 'v'),
                           random.Below(2) == 0 ? kNoExpiry : clock_.Now() + 1 + static_cast<UnixMs>(random.Below(50))},
                 events::kNone);
        }
        txn.Unlock();
        if (i % 100 == 0) {
          txn.BeginPrefetch();
          const Position position = txn.PrefetchBucket(1, key);
          txn.PrefetchEntry(1, position, true);
        }
      }
    };
  };
  std::thread background([&] {
    ExpiryJob job(store_);
    Evictor evictor;
    Random random(9);
    while (!done) {
      clock_.Advance(1);
      for (int i = 0; i < 64; ++i) job.Step();
      Txn txn(store_, clock_.Now(), random);
      evictor.EvictOne(txn, EvictionPolicy::kVolatileTtl, 5);
      if (random.Below(50) == 0) {
        txn.LockAll();
        txn.FlushDatabase(2);
        txn.Unlock();
      }
    }
  });
  std::thread walker([&] {
    while (!done) {
      std::multiset<std::string> seen = Scan(100, [] {});
      for (int i = 0; i < 2000; ++i) ASSERT_EQ(seen.count("stay:" + std::to_string(i)), 1u);
    }
  });
  RunTogether(writer(1), writer(2));
  done = true;
  background.join();
  walker.join();
  EXPECT_EQ(Size(0).keys, 2000u);
  store_.reclaimer().Stop();
}

}  // namespace
}  // namespace ringkv::storage
