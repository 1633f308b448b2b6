// SPDX-License-Identifier: MIT
// What clients do at a node.
#include <algorithm>

#include "cluster/replication/acks.h"
#include "cluster/replication/log_sender.h"
#include "tests/simulation/replica_feed.h"
#include "tests/simulation/replicated_node.h"

namespace ringkv::test {

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
    ChangeKey(txn, db, key, kind);
  });
}

std::vector<cluster::MemberAck> ReplicatedNode::Acks() const {
  std::vector<cluster::MemberAck> acks;
  for (const auto& feed : feeds_) {
    if (feed->is_online()) acks.push_back({feed->member(), feed->acknowledged()});
  }
  return acks;
}

void ReplicatedNode::Answer() {
  if (pending_.empty() || !owner_.MayAnswer(number_)) return;
  CountAcks();
  AnswerUpTo(std::min(quorum_.last(), secured()));
}

bool ReplicatedNode::HasMajority(storage::Lsn last) {
  CountAcks();
  return quorum_.last() >= last;
}

void ReplicatedNode::CountAcks() {
  quorum_.Update({.members = members_, .required = owner_.Required(number_)}, Acks(), appended());
}

}  // namespace ringkv::test
