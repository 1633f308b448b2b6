// SPDX-License-Identifier: MIT
// This server as a node of a shard whose primary is elected: what the state machine asks of it, and orders.
//
// Threads: confined to that of the coordinator.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/failover/shard_member.h"
#include "server/data/data_keeper.h"
#include "server/observe/log.h"
#include "server/replication/replica_feeds.h"
#include "server/replication/replication.h"

namespace ringkv::server {

class MemberNode final : public cluster::ShardMember::Node {
 public:
  // The data has been loaded, and replication has not started. All must outlive the object.
  MemberNode(Replication& replication, DataKeeper& data, Log& log, storage::FileSystem& files);

  // Call several times a second.
  void Observe();
  // That of which this node has become the primary, until it follows another; 0: none.
  uint64_t led_epoch() const { return led_epoch_; }

 private:
  Copy copy() override;
  storage::Lsn appended() override { return data_.store().log().appended(); }
  std::vector<cluster::MemberAck> acks() override;
  void CutOff() override;
  void Follow(const cluster::Lead& lead) override;
  void BecomePrimary(uint64_t epoch) override;

  Replication& replication_;
  DataKeeper& data_;
  Log& log_;
  // It has all that it has ever acknowledged: its files had that, or a primary has had the time to send it.
  bool has_all_ = false;
  uint64_t led_epoch_ = 0;
  std::vector<ReplicaFeeds::NodeAck> acks_;  // that the last answer views
};

}  // namespace ringkv::server
