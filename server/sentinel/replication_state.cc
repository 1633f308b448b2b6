// SPDX-License-Identifier: MIT
#include "server/sentinel/replication_state.h"

#include <utility>

#include "server/config/own_ports.h"
#include "server/replication/failover.h"

namespace ringkv::server {

namespace {

HandOver HandOverOf(Failover::State state) {
  switch (state) {
    case Failover::State::kWaitingForSync: return HandOver::kSelects;
    case Failover::State::kInProgress: return HandOver::kAwaitsPromotion;
    default: return HandOver::kNone;
  }
}

}  // namespace

OwnPart ReplicationState::Now() {
  PrimaryLink& link = replication_.link();
  // In this order: the hand-over has begun when this node becomes a replica by it.
  const bool is_replica = replication_.is_replica();
  const HandOver hand_over = HandOverOf(replication_.failover().state());
  const bool is_primary = !is_replica || hand_over == HandOver::kAwaitsPromotion;
  NodeReport report{.run_id = run_id_, .is_primary = is_primary};
  report.epoch = replication_.history().epoch();
  report.service = options_.sentinel_master_name.Get();
  report.is_announced = options_.replica_announced != 0;
  // As INFO says: without its data it must not be promoted.
  report.priority = data_.is_replacing() ? 0 : options_.replica_priority.load();
  if (is_primary) {
    report.offset = replication_.feeds().offsets().last;
  } else {
    const PrimaryAddress target = link.target();
    report.primary = {target.host, target.port};
    report.is_linked = link.phase() == LinkPhase::kConnected;
    report.unlinked_ms = report.is_linked ? 0 : clock_.SteadyMs() - link.down_since_ms();
    report.offset = static_cast<int64_t>(replication_.replica_offset());
  }
  for (const ReplicaStatus& each : replication_.feeds().replicas()) report.replicas.push_back({each.host, each.port});
  return {std::move(report), hand_over};
}

NodeAddress ReplicationState::Announced() {
  const int64_t port = options_.replica_announce_port;
  return {options_.replica_announce_ip.Get(), port != 0 ? port : PortOfReplica(options_)};
}

}  // namespace ringkv::server
