// SPDX-License-Identifier: MIT
#include "tests/simulation/stored_node.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "storage/types/list.h"

namespace ringkv::test {
namespace {

storage::StoreOptions Seeded(storage::StoreOptions shape, FaultyFileSystem& disk, storage::Chance& chance) {
  const storage::Result<std::optional<uint64_t>> seed = storage::FindHashSeed(disk, kTestFiles);
  const bool is_known = seed && seed->has_value();
  shape.hash_seed = is_known ? **seed : chance.Next();
  shape.longest_string = 1 << 20;
  return shape;
}

}  // namespace

StoredNode::StoredNode(int number, ClientWitness& witness, Network& network, FaultyFileSystem& disk,
                       storage::StoreOptions shape)
    : number_(number),
      network_(network),
      timeline_(network.timeline()),
      disk_(disk),
      chance_(timeline_.random().Next()),
      random_(timeline_.random().Next()),
      tick_ms_(timeline_.Between(20, 1500)),
      block_bytes_(size_t{1} << timeline_.Between(8, 16)),
      clock_(timeline_, timeline_.Between(-5000, 5000), timeline_.Between(-20, 20)),
      store_(Seeded(std::move(shape), disk, chance_), clock_),
      durability_(
          store_, disk, clock_,
          {.data = kTestFiles, .log_file_bytes = uint64_t{1} << timeline_.Between(10, 16), .has_threads = false}),
      backlog_(store_.buffers()),
      witness_(witness) {
  SetSmallLimits(store_.type_limits());
  if (timeline_.is_traced()) {
    disk_.set_on_operation([this](std::string_view operation, const std::string& path, size_t bytes) {
      timeline_.Trace(number_, [&] {
        return "disk: " + std::string(operation) + " " + path + (bytes > 0 ? " " + std::to_string(bytes) : "");
      });
    });
  }
  backlog_.SetLimit(size_t{1} << timeline_.Between(8, 16));
  durability_.SetSyncPolicy(storage::SyncPolicy::kAlways);
}

StoredNode::~StoredNode() {
  disk_.set_on_operation(nullptr);
  if (keeps_backlog_) [[maybe_unused]]
    const auto last = durability_.log().Detach(&backlog_);
}

bool StoredNode::KeepBacklog() {
  if (std::exchange(keeps_backlog_, true)) return false;
  durability_.log().Attach(&backlog_);
  return true;
}

// --- the log --------------------------------------------------------------------------------------------------------

void StoredNode::StepLogSoon() {
  if (std::exchange(steps_log_, true)) return;
  After(timeline_.Percent(2) ? timeline_.Between(0, 300) : timeline_.Between(0, 3), &StoredNode::StepLog);
}

void StoredNode::WriteLog() {
  steps_log_ = false;
  while (durability_.log().Step()) {
  }
}

// --- clients --------------------------------------------------------------------------------------------------------

void StoredNode::Write(const std::string& key, uint64_t number) {
  Do([&](storage::Txn& txn) {
    txn.LockKey(key);
    storage::Place place = txn.Find(0, key, storage::Intent::kWrite);
    txn.Do(place, storage::ListPush{std::to_string(number)}, storage::events::kNone);
    txn.Unlock();
  });
  pending_.push_back({store_.log().appended(), key, number, {}});
}

void StoredNode::Read(const std::string& key) {
  pending_.push_back({store_.log().appended(), key, 0, ElementsOf(key)});
  Answer();
}

void StoredNode::ChangeKey(storage::Txn& txn, storage::DbIndex db, const std::string& key, uint64_t kind) {
  txn.LockKey(key);
  storage::Place place = txn.Find(db, key, storage::Intent::kWrite);
  if (kind < 8) {
    if (place) txn.Do(place, storage::Erase{}, storage::events::kNone);
  } else if (kind < 12) {
    const storage::UnixMs expiry = clock_.Now() + static_cast<int64_t>(random_.Below(4000));
    if (place) txn.Do(place, storage::ExpirySet{expiry}, storage::events::kNone);
  } else if (kind < 20) {
    txn.Do(place, storage::StringPut{std::string(random_.Below(kind == 19 ? 5000 : 50), 'v')}, storage::events::kNone);
  } else {
    if (place && place.entry().type() == storage::ValueType::kString) {
      txn.Do(place, storage::Erase{}, storage::events::kNone);
    }
    ChangeCollection(txn, place, random_);
  }
  txn.Unlock();
}

void StoredNode::AnswerUpTo(storage::Lsn sure) {
  const auto first_unsure =
      std::find_if(pending_.begin(), pending_.end(), [&](const Pending& each) { return each.lsn > sure; });
  for (auto each = pending_.begin(); each != first_unsure; ++each) {
    if (each->number == 0) {
      witness_.NoteRead(each->key, std::move(each->seen));
    } else {
      timeline_.Trace(number_, [&] { return "answers write " + std::to_string(each->number) + " of " + each->key; });
      witness_.NoteAcknowledged(each->key, each->number);
    }
  }
  pending_.erase(pending_.begin(), first_unsure);
}

Model StoredNode::Contents() {
  constexpr storage::UnixMs kBeforeAnyExpiry = 1;
  storage::Txn txn(store_, kBeforeAnyExpiry, random_);
  txn.set_shows_foreign(true);
  Model contents = ContentsOf(store_, txn);
  contents.erase({kLibraries, ""});  // the ledger, which belongs to the shard and not to its keys
  return contents;
}

Elements StoredNode::ElementsOf(const std::string& key) {
  Elements elements;
  storage::Txn txn(store_, clock_.Now(), random_);
  txn.LockKey(key);
  if (const storage::Place place = txn.Find(0, key, storage::Intent::kRead)) {
    storage::ListView(&place.entry()).ForEach([&](std::string_view element) {
      std::from_chars(element.data(), element.data() + element.size(), elements.emplace_back());
    });
  }
  txn.Unlock();
  return elements;
}

}  // namespace ringkv::test
