// SPDX-License-Identifier: MIT
#include "server/sentinel/replication_state.h"

#include "server/config/own_ports.h"

namespace ringkv::server {

HandOver ReplicationState::hand_over() {
  switch (replication_.failover().state()) {
    case Failover::State::kWaitingForSync: return HandOver::kSelects;
    case Failover::State::kInProgress: return HandOver::kAwaitsPromotion;
    default: return HandOver::kNone;
  }
}

NodeReport ReplicationState::Report() {
  PrimaryLink& link = replication_.link();
  // A primary that hands its role over is one until the other has taken it.
  const bool is_primary = !replication_.is_replica() || hand_over() == HandOver::kAwaitsPromotion;
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
  return report;
}

NodeAddress ReplicationState::Announced() {
  const int64_t port = options_.replica_announce_port;
  return {options_.replica_announce_ip.Get(), port != 0 ? port : PortOfReplica(options_)};
}

}  // namespace ringkv::server
