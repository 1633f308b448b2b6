// SPDX-License-Identifier: MIT
// The store without a server: GET, SET, a mix, and skewed keys, by one thread and by two.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "storage/base/allocator.h"
#include "storage/transaction/txn.h"

namespace {

using namespace ringkv::storage;

constexpr size_t kKeys = 1'000'000;
constexpr size_t kOperations = 4'000'000;  // a thread

std::string KeyOf(uint64_t number) {
  char key[32];
  const int size = std::snprintf(key, sizeof key, "key:%012llu", static_cast<unsigned long long>(number));
  return std::string(key, static_cast<size_t>(size));
}

struct Load {
  const char* name;
  int writes_in_ten;
  bool is_skewed;
};

// Skewed: the cube of a uniform number, so that a tenth of the keys gets almost half of the accesses.
std::vector<std::string> MakeKeys(const Load& load, uint64_t seed) {
  constexpr size_t kDifferent = 1 << 18;
  Random random(seed);
  std::vector<std::string> keys;
  keys.reserve(kDifferent);
  for (size_t i = 0; i < kDifferent; ++i) {
    const double fraction = random.Fraction();
    keys.push_back(KeyOf(static_cast<uint64_t>((load.is_skewed ? fraction * fraction * fraction : fraction) * kKeys)));
  }
  return keys;
}

void Work(Store& store, const Load& load, const std::vector<std::string>& keys, uint64_t seed) {
  CountMemoryOfThisThread();
  Random random(seed);
  Txn txn(store, 1'700'000'000'000, random);
  const std::string value(64, 'v');
  size_t bytes_seen = 0;
  for (size_t i = 0; i < kOperations; ++i) {
    const std::string& key = keys[i % keys.size()];
    const bool writes = static_cast<int>(random.Below(10)) < load.writes_in_ten;
    txn.LockKey(key);
    Place place = txn.Find(0, key, writes ? Intent::kWrite : Intent::kRead);
    if (writes) {
      txn.Do(place, StringPut{value}, events::kNone);
    } else if (place) {
      bytes_seen += place.value().size();
    }
    txn.Unlock();
  }
  if (bytes_seen == 1) std::puts("");  // the reads must not be optimised away
}

double OperationsPerSecond(Store& store, const Load& load, size_t threads) {
  std::vector<std::vector<std::string>> keys;
  for (size_t i = 0; i < threads; ++i) keys.push_back(MakeKeys(load, i + 1));
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> workers;
  for (size_t i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] { Work(store, load, keys[i], i + 10); });
  }
  for (std::thread& worker : workers) worker.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return static_cast<double>(threads * kOperations) / took.count();
}

}  // namespace

int main() {
  const SystemClock clock;
  Store store({.databases = 1, .hash_seed = 7}, clock);
  Random random(1);
  Txn txn(store, 1'700'000'000'000, random);
  for (size_t i = 0; i < kKeys; ++i) {
    const std::string key = KeyOf(i);
    txn.LockKey(key);
    Place place = txn.Find(0, key, Intent::kWrite);
    txn.Do(place, StringPut{std::string(64, 'v')}, events::kNone);
    txn.Unlock();
  }
  std::puts("| load | 1 thread, op/s | 2 threads, op/s | ratio |\n|---|---|---|---|");
  for (const Load& load :
       {Load{"GET", 0, false}, Load{"SET", 10, false}, Load{"mixed", 5, false}, Load{"skewed mixed", 5, true}}) {
    const double one = OperationsPerSecond(store, load, 1);
    const double two = OperationsPerSecond(store, load, 2);
    std::printf("| %s | %.0f | %.0f | %.2fx |\n", load.name, one, two, two / one);
  }
  return 0;
}
