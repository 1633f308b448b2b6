// SPDX-License-Identifier: MIT
// What clients do at a node.
#include <algorithm>
#include <utility>

#include "cluster/replication/acks.h"
#include "cluster/replication/log_sender.h"
#include "storage/types/list.h"
#include "tests/simulation/replica_feed.h"
#include "tests/simulation/replicated_node.h"

namespace ringkv::test {

using storage::Lsn;

template <typename Change>
void ReplicatedNode::Do(Change&& change) {
  storage::Txn txn(store_, clock_.Now(), random_);
  change(txn);
  StepLogSoon();
}

void ReplicatedNode::Write(const std::string& key, uint64_t number) {
  Do([&](storage::Txn& txn) {
    txn.LockKey(key);
    storage::Place place = txn.Find(0, key, storage::Intent::kWrite);
    txn.Do(place, storage::ListPush{std::to_string(number)}, storage::events::kNone);
    txn.Unlock();
  });
  pending_.push_back({appended(), key, number, {}});
}

void ReplicatedNode::Read(const std::string& key) {
  pending_.push_back({appended(), key, 0, ElementsOf(key)});
  Answer();
}

void ReplicatedNode::ChangeSomething() {
  const std::string key = "other:" + std::to_string(random_.Below(60));
  Do([&](storage::Txn& txn) {
    const auto db = static_cast<storage::DbIndex>(random_.Below(4));
    const uint64_t kind = random_.Below(40);
    if (kind == 0 && db != 0) {
      txn.LockAll();
      txn.FlushDatabase(db);
      return txn.Unlock();
    }
    txn.LockKey(key);
    storage::Place place = txn.Find(db, key, storage::Intent::kWrite);
    if (kind < 8) {
      if (place) txn.Do(place, storage::Erase{}, storage::events::kNone);
    } else if (kind < 12) {
      const storage::UnixMs expiry = clock_.Now() + static_cast<int64_t>(random_.Below(4000));
      if (place) txn.Do(place, storage::ExpirySet{expiry}, storage::events::kNone);
    } else if (kind < 20) {
      txn.Do(place, storage::StringPut{std::string(random_.Below(kind == 19 ? 5000 : 50), 'v')},
             storage::events::kNone);
    } else {
      if (place && place.entry().type() == storage::ValueType::kString) {
        txn.Do(place, storage::Erase{}, storage::events::kNone);
      }
      ChangeCollection(txn, place, random_);
    }
    txn.Unlock();
  });
}

void ReplicatedNode::Answer() {
  if (pending_.empty()) return;
  std::vector<cluster::MemberAck> acks;
  for (const auto& feed : feeds_) {
    if (feed->is_online()) acks.push_back({feed->member(), feed->acknowledged()});
  }
  quorum_.Update({.members = members_}, acks, appended());
  const Lsn sure = std::min(quorum_.last(), durability_.log().durable());
  const auto first_unsure =
      std::find_if(pending_.begin(), pending_.end(), [&](const Pending& each) { return each.lsn > sure; });
  for (auto each = pending_.begin(); each != first_unsure; ++each) {
    if (each->number == 0) {
      owner_.NoteRead(each->key, std::move(each->seen));
    } else {
      timeline_.Trace(number_, [&] { return "answers write " + std::to_string(each->number) + " of " + each->key; });
      owner_.NoteAcknowledged(each->key, each->number);
    }
  }
  pending_.erase(pending_.begin(), first_unsure);
}

Model ReplicatedNode::Contents() {
  constexpr storage::UnixMs kBeforeAnyExpiry = 1;
  storage::Txn txn(store_, kBeforeAnyExpiry, random_);
  return ContentsOf(store_, txn);
}

Elements ReplicatedNode::ElementsOf(const std::string& key) {
  Elements elements;
  storage::Txn txn(store_, clock_.Now(), random_);
  txn.LockKey(key);
  if (const storage::Place place = txn.Find(0, key, storage::Intent::kRead)) {
    storage::ListView(&place.entry()).ForEach([&](std::string_view element) {
      elements.push_back(std::stoull(std::string(element)));
    });
  }
  txn.Unlock();
  return elements;
}

}  // namespace ringkv::test
