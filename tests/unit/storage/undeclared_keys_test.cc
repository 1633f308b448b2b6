// SPDX-License-Identifier: MIT
// Transactions that learn their keys as they go, as scripts do, beside all others, at random: none is half done, none
// sees half of another, and all end.
//
// A value is "<version> <balance>". The balances of all keys have a constant sum. A transaction writes the versions
// that it has seen, plus one, so that the versions give the order of any two transactions with a common key; there must
// be one order of all transactions that agrees with these.
#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/history.h"
#include "tests/support/store_fixture.h"

namespace ringkv::storage {
namespace {

using test::Footprint;
using test::HaveAnOrder;

constexpr size_t kAccounts = 48;
constexpr int kBalance = 1000;
constexpr size_t kThreads = 4;
constexpr int kScriptsOfAThread = 2500;
constexpr size_t kMostAtOnce = 3;  // under way in one thread

std::string NameOf(size_t key) { return "key:" + std::to_string(key); }

struct Account {
  int version = 0;
  int balance = 0;
};

Account Parse(std::string_view value) {
  const size_t space = value.find(' ');
  return {std::stoi(std::string(value.substr(0, space))), std::stoi(std::string(value.substr(space + 1)))};
}

class Tally : public KeyObserver {
 public:
  bool Changed(DbIndex, std::string_view key, KeyChange) override {
    changes_[std::stoul(std::string(key.substr(4)))].fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  bool Replacing(DbIndex, const KeyPredicate&) override { return false; }
  int of(size_t key) const { return changes_[key].load(); }

 private:
  std::array<std::atomic<int>, kAccounts> changes_{};
};

enum class Progress : uint8_t { kGoesOn, kWaits, kDone };

// Moves money around some keys, in any order, of which it has declared some.
class Script {
 public:
  Script(Store& store, Random& random) : random_(random), txn_(store, 0, random) {
    std::set<size_t> chosen;
    while (chosen.size() < 2 + random.Below(4)) chosen.insert(random.Below(kAccounts));
    keys_.assign(chosen.begin(), chosen.end());
    for (size_t i = keys_.size() - 1; i > 0; --i) std::swap(keys_[i], keys_[random.Below(i + 1)]);
    const size_t declared = random.Below(keys_.size() + 1);
    for (size_t i = 0; i < declared; ++i) declared_.push_back(NameOf(keys_[random.Below(keys_.size())]));
    needs_all_ = random.Below(50) == 0;
    txn_.set_skips_held(true);  // the thread has others to serve
  }

  // One step; the thread may do something else in between, if the script has been told to Suspend.
  Progress Step() {
    if (!has_begun_) return Begin();
    if (at_ == keys_.size()) {
      txn_.Unlock();
      return Progress::kDone;
    }
    const MoreLocks locked = needs_all_ && at_ == 1 ? txn_.LockRest() : txn_.LockMore(NameOf(keys_[at_]));
    switch (locked) {
      case MoreLocks::kHeldForLong: return Progress::kWaits;
      case MoreLocks::kMustRestart: return Restart();
      case MoreLocks::kLocked: break;
    }
    return Change(keys_[at_]);
  }
  void Suspend() { txn_.HoldForLong(); }

  const Footprint& footprint() const { return footprint_; }
  int restarts() const { return restarts_; }

 private:
  Progress Begin() {
    if (restarts_ > 0 && !txn_.is_irrevocable() && !txn_.TryBeginIrrevocable()) return Progress::kWaits;
    for (const std::string& key : declared_) txn_.AddKey(key);
    if (!declared_.empty() && !txn_.LockAdded(false)) {
      txn_.Unlock();
      return Progress::kWaits;
    }
    has_begun_ = true;
    return Progress::kGoesOn;
  }

  Progress Restart() {
    EXPECT_TRUE(txn_.MayRollback());
    txn_.Rollback();
    footprint_.clear();
    moved_ = 0;
    at_ = 0;
    has_begun_ = false;
    ++restarts_;
    return Progress::kGoesOn;
  }

  Progress Change(size_t key) {
    const std::string name = NameOf(key);
    txn_.BeginChanges();
    if (!txn_.MayChange(name)) return Restart();
    Place place = txn_.Find(0, name, Intent::kWrite);
    Account account = Parse(place.value());
    const bool is_last = ++at_ == keys_.size();
    const int taken = is_last ? -moved_ : static_cast<int>(random_.Below(10));
    moved_ += taken;
    account.balance -= taken;
    ++account.version;
    footprint_[key] = account.version;
    const std::string value = std::to_string(account.version) + " " + std::to_string(account.balance);
    txn_.Do(place, StringPut{value}, events::kNone);
    return Progress::kGoesOn;
  }

  Random& random_;
  Txn txn_;
  std::vector<size_t> keys_;
  std::vector<std::string> declared_;
  bool needs_all_ = false;
  bool has_begun_ = false;
  size_t at_ = 0;
  int moved_ = 0;
  int restarts_ = 0;
  Footprint footprint_;
};

class UndeclaredKeys : public StoreFixture {
 protected:
  UndeclaredKeys() {
    for (size_t i = 0; i < kAccounts; ++i) Put(NameOf(i), "0 " + std::to_string(kBalance));
    store_.set_observer(&tally_);
  }

  struct Result {
    std::vector<Footprint> done;
    int restarts = 0;
  };

  // Takes turns between some scripts, like a thread that serves clients.
  Result RunScripts(uint64_t seed) {
    Random random(seed);
    Result result;
    std::deque<std::unique_ptr<Script>> under_way;
    int begun = 0;
    while (begun < kScriptsOfAThread || !under_way.empty()) {
      if (begun < kScriptsOfAThread && under_way.size() < kMostAtOnce) {
        under_way.push_back(std::make_unique<Script>(store_, random));
        ++begun;
      }
      std::unique_ptr<Script> script = std::move(under_way.front());
      under_way.pop_front();
      Progress progress = Progress::kGoesOn;
      while (progress == Progress::kGoesOn && random.Below(16) != 0) progress = script->Step();
      if (progress == Progress::kDone) {
        result.done.push_back(script->footprint());
        result.restarts += script->restarts();
      } else {
        script->Suspend();
        under_way.push_back(std::move(script));
        TryPlainRequest(random);
        if (progress == Progress::kWaits) std::this_thread::yield();
      }
    }
    return result;
  }

  // Of a client of the same thread: it must never wait for a script of this thread.
  void TryPlainRequest(Random& random) {
    const std::string key = NameOf(random.Below(kAccounts));
    Txn txn(store_, 0, random);
    txn.set_skips_held(true);
    if (txn.LockKey(key, false)) {
      EXPECT_TRUE(txn.Find(0, key, Intent::kRead));
      txn.Unlock();
    }
    size_t seen = 0;
    Walk(txn, 0, 0, 1000, [&](const Entry&) { ++seen; });
    EXPECT_TRUE(txn.TakeSkipped() || seen == kAccounts);
  }

  // All keys, or all partitions, in one transaction that waits as long as it takes.
  void CheckSum(Random& random, bool locks_all) {
    std::vector<std::string> names;
    for (size_t i = 0; i < kAccounts; ++i) names.push_back(NameOf(i));
    Txn txn(store_, 0, random);
    for (const std::string& name : names) txn.AddKey(name);
    locks_all ? txn.LockAll() : txn.LockAdded();
    int sum = 0;
    for (const std::string& name : names) sum += Parse(txn.Find(0, name, Intent::kRead).value()).balance;
    EXPECT_EQ(sum, static_cast<int>(kAccounts) * kBalance);
  }

  Tally tally_;
};

TEST_F(UndeclaredKeys, TransactionsAreAtomicAndEndWhateverTheyLockInWhateverOrder) {
  std::array<Result, kThreads> results;
  std::atomic<size_t> running{kThreads};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      results[i] = RunScripts(i + 1);
      --running;
    });
  }
  threads.emplace_back([&] {
    Random random(99);
    for (int i = 0; running > 0; ++i) CheckSum(random, i % 4 == 0);
  });
  for (std::thread& thread : threads) thread.join();
  std::vector<Footprint> all;
  int restarts = 0;
  for (const Result& result : results) {
    all.insert(all.end(), result.done.begin(), result.done.end());
    restarts += result.restarts;
  }
  EXPECT_EQ(all.size(), kThreads * kScriptsOfAThread);
  EXPECT_GT(restarts, 0);
  EXPECT_TRUE(HaveAnOrder(all));
  CheckSum(random_, true);
  for (size_t key = 0; key < kAccounts; ++key) EXPECT_EQ(tally_.of(key), Parse(*Get(NameOf(key))).version);
}

TEST(HistoryOfTransactions, ACircleIsFound) {
  EXPECT_TRUE(HaveAnOrder({{{0, 1}, {1, 1}}, {{0, 2}, {1, 2}}}));
  EXPECT_FALSE(HaveAnOrder({{{0, 1}, {1, 2}}, {{0, 2}, {1, 1}}}));
  EXPECT_FALSE(HaveAnOrder({{{0, 1}}, {{0, 1}}}));
  EXPECT_FALSE(HaveAnOrder({{{0, 1}}, {{0, 3}}}));
}

}  // namespace
}  // namespace ringkv::storage
