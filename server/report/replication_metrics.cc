// SPDX-License-Identifier: MIT
// Metrics of replication: the role, the primary, a Redis server that is followed, replicas.
#include <algorithm>

#include "server/replication/replication.h"
#include "server/report/metric_table.h"

namespace ringkv::server {
namespace {

Replication& Of(const Observation& o) { return o.parts.replication; }
PrimaryLink& LinkOf(const Observation& o) { return Of(o).link(); }
RedisLink& RedisOf(const Observation& o) { return o.parts.redis_link; }

bool IsReplica(const Observation& o) { return Of(o).is_replica(); }
bool IsMigrating(const Observation& o) { return RedisOf(o).is_running(); }
bool IsUp(const Observation& o) { return LinkOf(o).phase() == LinkPhase::kConnected; }
bool IsSyncing(const Observation& o) { return LinkOf(o).phase() == LinkPhase::kSync; }
bool IsReplicaSyncing(const Observation& o) { return IsReplica(o) && IsSyncing(o); }
bool CountsGoodReplicas(const Observation& o) {
  return o.parts.options.min_replicas_to_write > 0 && o.parts.options.min_replicas_max_lag > 0;
}

Reading ReplicaOffset(const Observation& o) { return Reading(Of(o).replica_offset()); }

int64_t SecondsSince(const Observation& o, int64_t then) { return then == 0 ? -1 : (o.steady_ms - then) / 1000; }

uint64_t GroupsBehind(const Observation& o) {
  const storage::Lsn ahead = LinkOf(o).primary_last();
  const storage::Lsn last = LinkOf(o).last();
  return ahead > last ? ahead - last : 0;
}

constexpr Metric kLinkMetrics[] = {
    {.section = "replication",
     .info = "role",
     .read = [](const Observation& o) { return Reading(IsReplica(o) ? "slave" : "master"); }},
    {.series = {"ringkv_replication_is_replica", kGauge, "1 if this server is a replica."},
     .read = [](const Observation& o) { return Reading(IsReplica(o)); }},
    {.section = "replication",
     .info = "draining",
     .series = {"ringkv_draining", kGauge, "1 while the server drains before shutdown."},
     .read = [](const Observation& o) { return Reading(o.parts.shutdown.is_draining()); }},
    {.section = "replication",
     .info = "master_host",
     .read = [](const Observation& o) { return Reading(LinkOf(o).target().host); },
     .is_shown = IsReplica},
    {.section = "replication",
     .info = "master_port",
     .read = [](const Observation& o) { return Reading(LinkOf(o).target().port); },
     .is_shown = IsReplica},
    {.section = "replication",
     .info = "master_link_status",
     .read = [](const Observation& o) { return Reading(IsUp(o) ? "up" : "down"); },
     .is_shown = IsReplica},
    {.series = {"ringkv_replication_link_up", kGauge,
                "1 if this server is a primary, or a replica with a connected link."},
     .read = [](const Observation& o) { return Reading(!IsReplica(o) || IsUp(o)); }},
    {.section = "replication",
     .info = "master_last_io_seconds_ago",
     .read = [](const Observation& o) { return Reading(IsUp(o) ? SecondsSince(o, LinkOf(o).last_received_ms()) : -1); },
     .is_shown = IsReplica},
    {.section = "replication",
     .info = "master_sync_in_progress",
     .read = [](const Observation& o) { return Reading(IsSyncing(o)); },
     .is_shown = IsReplica},
    {.section = "replication", .info = "slave_read_repl_offset", .read = ReplicaOffset, .is_shown = IsReplica},
    {.section = "replication", .info = "slave_repl_offset", .read = ReplicaOffset, .is_shown = IsReplica},
    // As for a diskless sync of Redis, whose size is not known either.
    {.section = "replication", .info = "master_sync_total_bytes", .read = Always<"0">, .is_shown = IsReplicaSyncing},
    {.section = "replication",
     .info = "master_sync_read_bytes",
     .read = [](const Observation& o) { return Reading(LinkOf(o).snapshot_bytes()); },
     .is_shown = IsReplicaSyncing},
    {.section = "replication",
     .info = "master_sync_left_bytes",
     .read = [](const Observation& o) { return Reading(-static_cast<int64_t>(LinkOf(o).snapshot_bytes())); },
     .is_shown = IsReplicaSyncing},
    {.section = "replication", .info = "master_sync_perc", .read = Always<"0.00">, .is_shown = IsReplicaSyncing},
    {.section = "replication",
     .info = "master_sync_last_io_seconds_ago",
     .read = [](const Observation& o) { return Reading(SecondsSince(o, LinkOf(o).last_received_ms())); },
     .is_shown = IsReplicaSyncing},
    {.section = "replication",
     .info = "master_link_down_since_seconds",
     .read = [](const Observation& o) { return Reading(SecondsSince(o, LinkOf(o).down_since_ms())); },
     .is_shown = [](const Observation& o) { return IsReplica(o) && !IsUp(o); }},
    {.section = "replication",
     .info = "slave_lag_groups",
     .read = [](const Observation& o) { return Reading(GroupsBehind(o)); },
     .is_shown = IsReplica},
    {.section = "replication",
     .info = "slave_lag_ms",
     .read = [](const Observation& o) { return Reading(LinkOf(o).LagMs(o.now_ms)); },
     .is_shown = IsReplica},
    {.series = {"ringkv_replication_lag_seconds", kGauge, "Replication lag of this replica."},
     .read =
         [](const Observation& o) {
           return Reading(IsReplica(o) ? static_cast<double>(LinkOf(o).LagMs(o.now_ms)) / 1000 : 0.0, 3);
         }},
    // Without its data it must not be promoted, whatever the option says.
    {.section = "replication",
     .info = "slave_priority",
     .read =
         [](const Observation& o) {
           const bool is_incomplete = o.parts.data.is_replacing();
           return Reading(is_incomplete ? 0 : o.parts.options.replica_priority.load());
         },
     .is_shown = IsReplica},
    {.section = "replication",
     .info = "slave_read_only",
     .read = [](const Observation& o) { return Reading(o.parts.options.replica_read_only != 0); },
     .is_shown = IsReplica},
    {.section = "replication",
     .info = "replica_announced",
     .read = [](const Observation& o) { return Reading(o.parts.options.replica_announced != 0); },
     .is_shown = IsReplica},

    {.section = "replication",
     .info = "migrate_from",
     .read =
         [](const Observation& o) {
           const PrimaryAddress target = RedisOf(o).target();
           return Reading(target.host + ":" + std::to_string(target.port));
         },
     .is_shown = IsMigrating},
    {.section = "replication",
     .info = "migrate_link_status",
     .read =
         [](const Observation& o) {
           if (RedisOf(o).has_ended()) return Reading("ended");
           return Reading(RedisOf(o).phase() == LinkPhase::kConnected ? "up" : "down");
         },
     .is_shown = IsMigrating},
    {.section = "replication",
     .info = "migrate_last_error",
     .read = [](const Observation& o) { return Reading(RedisOf(o).last_error()); },
     .is_shown = IsMigrating},
    {.section = "replication",
     .info = "migrate_sync_in_progress",
     .read = [](const Observation& o) { return Reading(RedisOf(o).phase() == LinkPhase::kSync); },
     .is_shown = IsMigrating},
    {.section = "replication",
     .info = "migrate_offset",
     .read = [](const Observation& o) { return Reading(RedisOf(o).offset()); },
     .is_shown = IsMigrating},
    {.section = "replication",
     .info = "migrate_keys_left_out",
     .read = [](const Observation& o) { return Reading(RedisOf(o).keys_left_out()); },
     .is_shown = IsMigrating},
    {.section = "replication",
     .info = "migrate_commands_left_out",
     .read = [](const Observation& o) { return Reading(RedisOf(o).commands_left_out()); },
     .is_shown = IsMigrating},
};

// --- replicas -------------------------------------------------------------------------------------------------------

struct NumberedReplica {
  size_t number;
  ReplicaStatus replica;
};

std::string_view FeedStateName(FeedState state) {
  switch (state) {
    case FeedState::kStarting: return "wait_bgsave";
    case FeedState::kSendingSnapshot: return "send_bulk";
    default: return "online";
  }
}

using ReplicaField = GroupField<NumberedReplica>;

constexpr ReplicaField kReplicaFields[] = {
    {.info = "ip", .read = [](const Observation&, const NumberedReplica& each) { return Reading(each.replica.host); }},
    {.info = "port",
     .read = [](const Observation&, const NumberedReplica& each) { return Reading(each.replica.port); }},
    {.info = "state",
     .read = [](const Observation&,
                const NumberedReplica& each) { return Reading(FeedStateName(each.replica.state)); }},
    {.info = "offset",
     .read = [](const Observation&, const NumberedReplica& each) { return Reading(each.replica.offset); }},
    {.info = "lag",
     .series = {"ringkv_replication_replica_lag_seconds", kGauge, "Time since the last acknowledgement of a replica."},
     .read = [](const Observation&, const NumberedReplica& each) { return Reading(each.replica.lag_seconds); }},
    {.series = {"ringkv_replication_replica_lag_groups", kGauge, "Changes that a replica does not have yet."},
     .read =
         [](const Observation& o, const NumberedReplica& each) {
           const storage::Lsn last = o.parts.data.store().log().appended();
           return Reading(last - std::min(last, each.replica.acknowledged));
         }},
};

constexpr MetricGroup<NumberedReplica> kReplicas = {
    .things =
        [](const Observation& o) {
          std::vector<NumberedReplica> numbered;
          for (ReplicaStatus& each : Of(o).feeds().replicas()) numbered.push_back({numbered.size(), std::move(each)});
          return numbered;
        },
    .line = [](const NumberedReplica& each) { return "slave" + std::to_string(each.number); },
    .label = "replica",
    .label_value =
        [](const NumberedReplica& each) { return each.replica.host + ":" + std::to_string(each.replica.port); },
    .fields = kReplicaFields};

constexpr Metric kReplicaMetrics[] = {
    {.section = "replication",
     .info = "connected_slaves",
     .series = {"ringkv_replication_connected_replicas", kGauge, "Connected replicas."},
     .read = [](const Observation& o) { return Reading(Of(o).feeds().replicas().size()); }},
    {.section = "replication",
     .info = "min_slaves_good_slaves",
     .read = [](const Observation& o) { return Reading(Of(o).good_replicas()); },
     .is_shown = CountsGoodReplicas},
    {.section = "replication", .add_lines = AddGroupLines<kReplicas>, .add_families = AddGroupFamilies<kReplicas>},
    {.section = "replication",
     .info = "master_failover_state",
     .read = [](const Observation& o) { return Reading(Failover::NameOf(Of(o).failover().state())); }},
    {.section = "replication",
     .info = "master_replid",
     .read = [](const Observation& o) { return Reading(Of(o).feeds().shown_id()); }},
    {.section = "replication",
     .info = "master_replid2",
     .read =
         [](const Observation& o) {
           const cluster::History history = Of(o).history().history();
           return Reading(history.earlier().empty() ? std::string(40, '0') : history.earlier().back().id);
         }},
    {.section = "replication",
     .info = "master_repl_offset",
     .read = [](const Observation& o) { return Reading(Of(o).feeds().offsets().last); }},
    {.section = "replication",
     .info = "second_repl_offset",
     .read =
         [](const Observation& o) {
           const cluster::History history = Of(o).history().history();
           return history.earlier().empty() ? Reading(-1) : Reading(history.earlier().back().last + 1);
         }},
    {.section = "replication",
     .info = "repl_epoch",
     .read = [](const Observation& o) { return Reading(Of(o).history().epoch()); }},
    {.section = "replication",
     .info = "repl_backlog_active",
     .read = [](const Observation& o) { return Reading(Of(o).backlog().is_kept()); }},
    {.section = "replication", .info = "repl_backlog_size", .read = OptionText<"repl-backlog-size">},
    {.section = "replication",
     .info = "repl_backlog_first_byte_offset",
     .read = [](const Observation& o) { return Reading(Of(o).feeds().offsets().first); }},
    {.section = "replication",
     .info = "repl_backlog_histlen",
     .series = {"ringkv_replication_backlog_bytes", kGauge, "Bytes in the replication backlog."},
     .read = [](const Observation& o) { return Reading(Of(o).feeds().offsets().bytes); }},
};

}  // namespace

std::span<const Metric> LinkMetrics() { return kLinkMetrics; }
std::span<const Metric> ReplicaMetrics() { return kReplicaMetrics; }

}  // namespace ringkv::server
