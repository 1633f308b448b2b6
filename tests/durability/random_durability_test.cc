// SPDX-License-Identifier: MIT
// Lives of a server, from a seed: changes of every kind, the log switched on and off, snapshots, full synchronisations,
// loading, faults of the disk, kills, power cuts and repairs, in any order. Whatever a start finds then is a state that
// there was, and none from before the last one that was said to be safe.
//
// RINGKV_DURABILITY_RUNS=10000 runs so many, RINGKV_DURABILITY_SEED=n begins with that seed; a failure prints its seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <sstream>

#include "check/jobs.h"
#include "storage/durability/durability.h"
#include "storage/log/backlog.h"
#include "storage/log/log_tail.h"
#include "storage/snapshot/snapshot_stream.h"
#include "storage/transfer/follower.h"
#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {
namespace {

using storage::Backlog;
using storage::Durability;
using storage::Lsn;
using storage::Random;
using storage::SnapshotReason;

constexpr storage::DbIndex kDatabases = 2;
constexpr uint64_t kSmallFile = 1500;

uint64_t Number(const char* variable, uint64_t otherwise) {
  const char* given = std::getenv(variable);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

// Any change of a few keys, half of which refer to what was there before.
void ChangeSomething(ChangingStore& store, Random& random) {
  const auto any_key = [&] { return "k" + std::to_string(random.Below(8)); };
  const std::string key = any_key();
  const std::string value = std::to_string(random.Next() % 1'000'000);
  switch (random.Below(25)) {
    case 24: return store.ChangeLibraries(random);
    case 0: return store.Flush(static_cast<storage::DbIndex>(random.Below(kDatabases)));
    case 1: return store.Swap(0, 1);
    case 2:
    case 3: return store.Delete(key);
    case 4:
    case 5: return store.Rename(key, any_key());
    case 6:
    case 7: return store.PutBoth(key, any_key(), value);
    case 8: return store.Expire(key, 1'900'000'000'000 + static_cast<int64_t>(random.Below(1000)));
    case 9:
    case 10:
    case 11: return store.Put(key, value, static_cast<storage::DbIndex>(random.Below(kDatabases)));
    case 12: return store.Put(key, std::string(random.Below(1200), 'v'));
    case 13:
    case 14:
    case 15: return store.Change(key, random);
    default: return store.Patch(key, random.Below(12), value);
  }
}

// All states that the data was in, and which of them a start may find.
class States {
 public:
  void Add(const Model& state) {
    if (states_.empty() || states_.back() != state) states_.push_back(state);
  }
  size_t last() const { return states_.size() - 1; }
  // Earlier states can't be found any more.
  void Promise(size_t index) { promised_ = std::max(promised_, index); }
  void TakeBack(size_t index) { promised_ = std::min(promised_, index); }
  // A start has found this one, and goes on from it. False if it may not.
  bool GoBackTo(const Model& found) {
    const auto first = states_.begin() + static_cast<std::ptrdiff_t>(promised_);
    if (std::find(first, states_.end(), found) == states_.end()) return false;
    // Later states may still be found: files that were removed come back in a crash.
    Add(found);
    return true;
  }
  bool WasEver(const Model& found) const { return std::find(states_.begin(), states_.end(), found) != states_.end(); }

 private:
  std::vector<Model> states_{Model()};
  size_t promised_ = 0;
};

// Another server, which this one may have to follow.
class Primary {
 public:
  explicit Primary(Random& random) : random_(random), store_(disk_, 1 << 20, 1 + random.Below(1000)) {
    store_.log().Attach(&backlog_);
    Change(random.Below(20));
  }
  ~Primary() { [[maybe_unused]] const auto last = store_.log().Detach(&backlog_); }

  void Change(uint64_t times) {
    for (uint64_t i = 0; i < times; ++i) ChangeSomething(store_, random_);
  }
  // By a snapshot; the receiver has begun its replacement.
  void SendSnapshot(storage::Follower& to) {
    storage::SnapshotStream stream(store_.store(), 0);
    const Lsn begun = store_.store().log().appended();
    tail_ = std::make_unique<storage::LogTail>(backlog_, disk_, "", begun + 1);
    ASSERT_TRUE(to.Begin(stream.Header(1, begun)));
    for (std::string section; stream.NextBlock(&section);) {
      ASSERT_TRUE(to.TakeSection(section));
      Change(random_.Below(3) == 0 ? 1 : 0);
      SendFrames(to, [] {});
    }
    ASSERT_TRUE(to.TakeSection(stream.End(tail_->next() - 1)));
  }
  template <typename Behind>
  void SendFrames(storage::Follower& to, Behind&& behind) {
    store_.log().Step();
    storage::FrameList frames;
    while (tail_->Read(1 << 20, &frames) == Backlog::ReadResult::kFrames) {
      for (const auto& frame : frames) {
        ASSERT_TRUE(to.TakeFrame(*frame));
        behind();
      }
    }
  }

 private:
  Random& random_;
  FaultyFileSystem disk_;
  DurableStore store_;
  Backlog backlog_{store_.store().buffers()};
  std::unique_ptr<storage::LogTail> tail_;
};

// One process, from its start to its end.
class Life : public ChangingStore {
 public:
  Life(FaultyFileSystem& disk, States& states, Random& random, uint64_t seed)
      : ChangingStore(seed, false, kDatabases),
        disk_(disk),
        states_(states),
        random_(random),
        durability_(store(), disk, clock(), {.data = kTestFiles, .log_file_bytes = kSmallFile, .has_threads = false}) {
    durability_.SetCompression(random.Below(10) == 0 ? 1 : 0, 1);
    durability_.SetSyncPolicy(static_cast<storage::SyncPolicy>(random.Below(3)));
    if (std::getenv("RINGKV_DURABILITY_TRACE") != nullptr) {
      durability_.set_say([](bool, const std::string& line) { std::cerr << "  says: " << line << "\n"; });
    }
  }
  ~Life() { disk_.set_before_operation(nullptr); }

  // Finds what there is, and fills in if there is nothing.
  void Start(bool up_to_damage) {
    const bool with_log = random_.Below(2) == 0;
    const bool fills = random_.Below(3) == 0;
    if (random_.Below(6) == 0) disk_.KillFrom(random_.Below(20));
    const storage::Status opened = durability_.Open({.up_to_damage = up_to_damage}, with_log, [&]() -> storage::Status {
      Found();
      if (fills) {
        ChangeSomething(*this, random_);
        ChangeSomething(*this, random_);
        states_.Add(Contents());
      }
      return {};
    });
    if (!opened) {
      ASSERT_TRUE(disk_.is_dead()) << opened.error().text;
      return;
    }
    if (!has_found_) Found();
    has_started_ = true;
    disk_.set_before_operation([this] { ChangeMeanwhile(); });
  }

  bool has_started() const { return has_started_; }

  void Run() {
    if (disk_.is_dead()) return;
    const uint64_t steps = random_.Below(60);
    if (random_.Below(3) != 0) disk_.KillFrom(random_.Below(200));
    for (uint64_t i = 0; i < steps && !disk_.is_dead() && !testing::Test::HasFailure(); ++i) Step();
  }

  // In good order.
  void End() {
    const bool keeps = durability_.log().is_open();
    const size_t here = states_.last();
    const bool closed = durability_.Close().has_value();
    if (keeps && closed) states_.Promise(here);
  }

 private:
  void Found() {
    has_found_ = true;
    const Model found = Contents();
    ASSERT_TRUE(states_.GoBackTo(found)) << (states_.WasEver(found) ? "what was safe is lost"
                                                                    : "a state that never was")
                                         << "\n"
                                         << testing::PrintToString(found);
  }

  void Note() { states_.Add(Contents()); }

  void Change() {
    if (primary_ == nullptr) {
      ChangeSomething(*this, random_);
      return Note();
    }
    primary_->Change(1 + random_.Below(3));
    primary_->SendFrames(follower_, [&] { Note(); });
  }

  // While an operation of the disk is about to begin.
  void ChangeMeanwhile() {
    if (random_.Below(3) != 0 || is_replacing_ || is_promoting_) return;
    if (primary_ == nullptr) return Change();
    ChangeSomethingOfPrimary();
  }
  void ChangeSomethingOfPrimary() { primary_->Change(1); }

  void Step() {
    const size_t here = states_.last();
    const Lsn appended = store().log().appended();
    const bool was_open = durability_.log().is_open();
    switch (random_.Below(40)) {
      case 0:
      case 1: durability_.SwitchLog(!durability_.wants_log()); break;
      case 2:
      case 3:
      case 4: durability_.Tick(); break;
      case 5:
        if (durability_.Save()) Saved(here);
        break;
      case 21:
        if (durability_.SaveAtEnd()) Saved(here);
        break;
      case 6: durability_.StartSave(SnapshotReason::kLogRewrite); break;
      case 7: durability_.ScheduleSave(SnapshotReason::kSave); break;
      case 8: disk_.FailFrom(random_.Below(25), 1 + random_.Below(random_.Below(2) == 0 ? 2 : 60)); break;
      case 9:
      case 10: disk_.Heal(); break;
      case 11: clock().Advance(static_cast<int64_t>(random_.Below(8000))); break;
      case 12: clock().SetForward(static_cast<int64_t>(random_.Below(7'200'000)) - 3'600'000); break;
      case 13:
        if (durability_.log().Flush() && was_open) states_.Promise(here);
        break;
      case 14: FullSync(); break;
      case 15: StopFollowing(); break;
      case 16: Observe(); break;
      case 17:
      case 18:
      case 19: durability_.log().Step(); break;
      case 20: durability_.SetSyncPolicy(static_cast<storage::SyncPolicy>(random_.Below(3))); break;
      default: Change();
    }
    if (was_open && durability_.log().is_open() && durability_.log().durable() >= appended) states_.Promise(here);
  }

  void Saved(size_t here) {
    states_.Promise(here);
    saved_ = here;
  }

  // Somebody else wants to see all changes, or doesn't any more: a replica.
  void Observe() {
    if (is_observed_) {
      [[maybe_unused]] const auto last = durability_.log().Detach(&observer_);
    } else {
      durability_.log().Attach(&observer_);
    }
    is_observed_ = !is_observed_;
  }

  void FullSync() {
    if (!is_observed_) Observe();  // as every replica does
    is_replacing_ = true;
    SetAuthority(storage::Authority::kFollower);
    primary_ = std::make_unique<Primary>(random_);
    while (!durability_.BeginReplacement() && !disk_.is_dead()) {
    }
    primary_->SendSnapshot(follower_);
    // The old files stay until the new data is saved, and their log goes first.
    states_.TakeBack(saved_);
    durability_.EndReplacement(follower_.last(), random_.Below(2) == 0);
    observer_.Clear(follower_.last());
    is_replacing_ = false;
    Note();
  }

  void StopFollowing() {
    if (primary_ == nullptr) return;
    primary_.reset();
    if (random_.Below(2) == 0) ChangeAsWritableReplica();
    is_promoting_ = true;
    durability_.BecomeOwner();
    is_promoting_ = false;
  }

  // What clients change here stands in no log.
  void ChangeAsWritableReplica() {
    SetAuthority(storage::Authority::kWritableFollower);
    for (uint64_t i = 1 + random_.Below(3); i > 0; --i) {
      ChangeSomething(*this, random_);
      Note();
    }
    if (random_.Below(3) == 0) durability_.log().Step();
  }

  void SetAuthority(storage::Authority authority) {
    txn().LockAll();
    store().SetAuthority(authority);
    txn().Unlock();
  }

  FaultyFileSystem& disk_;
  States& states_;
  Random& random_;
  Backlog observer_{store().buffers()};
  Durability durability_;
  storage::Follower follower_{store()};
  std::unique_ptr<Primary> primary_;
  size_t saved_ = 0;
  bool has_found_ = false;
  bool has_started_ = false;
  bool is_observed_ = false;
  bool is_replacing_ = false;
  bool is_promoting_ = false;  // all is locked
};

class History {
 public:
  explicit History(uint64_t seed) : random_(seed) {}

  void Run() {
    const uint64_t lives = 2 + random_.Below(4);
    for (uint64_t i = 0; i < lives && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE("life " + std::to_string(i));
      LiveOnce();
    }
  }

 private:
  void LiveOnce() {
    if (random_.Below(5) == 0) Damage();
    if (is_damaged_ && random_.Below(2) == 0) Fix();
    const auto seed = storage::FindHashSeed(disk_, kTestFiles);
    ASSERT_TRUE(seed) << seed.error().text;
    {
      Life life(disk_, states_, random_, seed->value_or(1 + random_.Below(1000)));
      life.Start(is_damaged_);
      if (!testing::Test::HasFailure()) life.Run();
      if (!disk_.is_dead() && random_.Below(3) == 0) life.End();
      if (life.has_started()) is_damaged_ = false;
      disk_.KillFrom(0);  // the objects go without touching the disk, as a process does
    }
    GoOn();
  }

  // The process has ended, perhaps with the machine.
  void GoOn() {
    disk_.Heal();
    if (random_.Below(2) == 0) return disk_.Revive();
    disk_.Crash([&](size_t unsynced) { return random_.Below(2) == 0 ? 0 : random_.Below(unsynced + 1); });
  }

  // Something happens to a file of the log.
  void Damage() {
    const auto logs = storage::ListLogFiles(disk_, kTestFiles.log_directory);
    if (!logs || logs->empty()) return;
    const std::string& name = (*logs)[random_.Below(logs->size())].name;
    const std::string path = storage::JoinPath(kTestFiles.log_directory, name);
    std::string& bytes = disk_.Bytes(path);
    if (bytes.empty()) return;
    const size_t place = random_.Below(bytes.size());
    if (random_.Below(2) == 0) {
      bytes.resize(place);
    } else {
      bytes[place] = static_cast<char>(bytes[place] ^ (1 << random_.Below(8)));
    }
    ASSERT_TRUE((*disk_.Open(path, storage::OpenMode::kModify))->Sync());
    states_.TakeBack(0);
    is_damaged_ = true;
  }

  // By ringkv-check, which may be killed, too.
  void Fix() {
    if (!storage::FindHashSeed(disk_, kTestFiles).value_or(std::nullopt)) return;  // nothing in it can be read
    std::ostringstream out;
    std::ostringstream err;
    check::Context context{
        .files = disk_, .out = out, .err = err, .databases = kDatabases, .ask = [](const std::string&) {
          return true;
        }};
    if (random_.Below(2) == 0) {
      disk_.KillFrom(random_.Below(12));
      check::FixDirectory(context, kTestFiles);
      disk_.KillFrom(0);
      GoOn();
    }
    EXPECT_NE(check::FixDirectory(context, kTestFiles), check::ExitStatus::kFailed) << err.str();
    is_damaged_ = false;
  }

  Random random_;
  FaultyFileSystem disk_;
  States states_;
  bool is_damaged_ = false;
};

TEST(RandomDurability, RecoveryFindsAnExistingStateNotOlderThanTheDurableOne) {
  const uint64_t runs = Number("RINGKV_DURABILITY_RUNS", 100);
  const uint64_t first = Number("RINGKV_DURABILITY_SEED", 1);
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    SCOPED_TRACE("RINGKV_DURABILITY_SEED=" + std::to_string(seed));
    History(seed).Run();
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace ringkv::test
