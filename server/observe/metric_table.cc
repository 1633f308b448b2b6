// SPDX-License-Identifier: MIT
#include "server/observe/metric_table.h"

#include <unistd.h>

#include <algorithm>
#include <numeric>

#include "server/cluster/cluster_state.h"
#include "server/cluster/slot_moves.h"
#include "server/http/route_table.h"
#include "server/observe/command_totals.h"
#include "server/observe/readiness.h"
#include "server/version.h"
#include "storage/totals.h"

namespace ringkv::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using storage::Direction;

constexpr MetricType kCounter = MetricType::Counter;
constexpr MetricType kGauge = MetricType::Gauge;

struct Row {
  const char* name;
  MetricType type;
  const char* help;
  double (*value)(const Observation&);
};

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

template <Counter ThreadStatistics::*kCounted>
double SumOf(const Observation& o) {
  return static_cast<double>(o.Sum(kCounted));
}

bool IsReplica(const Observation& o) { return o.server.replication().is_replica(); }

constexpr Row kMetricRows[] = {
    {"process_cpu_seconds_total", kCounter, "CPU time that the process has used, in both modes.",
     [](const Observation& o) { return Seconds(o.usage.ru_utime) + Seconds(o.usage.ru_stime); }},
    {"process_resident_memory_bytes", kGauge, "Memory of the process that is resident.",
     [](const Observation& o) { return static_cast<double>(o.memory.resident); }},
    {"process_start_time_seconds", kGauge, "When the process was started, in seconds since 1970.",
     [](const Observation& o) { return static_cast<double>(o.server.started_ms()) / 1000; }},

    {"ringkv_ready", kGauge, "1 if /readyz says that requests may be sent here.",
     [](const Observation& o) { return ReasonsNotReady(o.server).empty() ? 1.0 : 0.0; }},
    {"ringkv_draining", kGauge, "1 while the server is about to end and wants no new requests.",
     [](const Observation& o) { return o.server.is_draining() ? 1.0 : 0.0; }},
    {"ringkv_loading", kGauge, "1 while the data is being loaded.",
     [](const Observation& o) { return o.server.is_loading() ? 1.0 : 0.0; }},

    {"ringkv_connected_clients", kGauge, "Clients of the Redis port and the HTTP port.",
     [](const Observation& o) { return static_cast<double>(o.server.clients().size()); }},
    {"ringkv_max_clients", kGauge, "Most clients that may be connected (maxclients).",
     [](const Observation& o) { return static_cast<double>(o.server.options().maxclients.load()); }},
    {"ringkv_connections_accepted_total", kCounter, "Connections that were let in.",
     SumOf<&ThreadStatistics::connections_accepted>},
    {"ringkv_connections_rejected_total", kCounter, "Connections that were turned away.",
     SumOf<&ThreadStatistics::connections_rejected>},
    {"ringkv_network_received_bytes_total", kCounter, "Bytes received from clients.",
     SumOf<&ThreadStatistics::bytes_read>},
    {"ringkv_network_sent_bytes_total", kCounter, "Bytes sent to clients.", SumOf<&ThreadStatistics::bytes_written>},
    {"ringkv_clients_closed_by_output_limit_total", kCounter, "Clients closed for what they didn't read.",
     SumOf<&ThreadStatistics::output_buffer_limit_disconnections>},
    {"ringkv_clients_closed_by_input_limit_total", kCounter, "Clients closed for what they sent unasked.",
     SumOf<&ThreadStatistics::query_buffer_limit_disconnections>},
    {"ringkv_clients_evicted_total", kCounter, "Clients closed to stay within maxmemory-clients.",
     SumOf<&ThreadStatistics::clients_evicted>},

    {"ringkv_keyspace_hits_total", kCounter, "Keys that were looked up and found.",
     [](const Observation& o) { return static_cast<double>(o.keys.hits); }},
    {"ringkv_keyspace_misses_total", kCounter, "Keys that were looked up and not found.",
     [](const Observation& o) { return static_cast<double>(o.keys.misses); }},
    {"ringkv_keys_expired_total", kCounter, "Keys removed because their time was over.",
     [](const Observation& o) { return static_cast<double>(o.keys.expired); }},
    {"ringkv_keys_evicted_total", kCounter, "Keys removed to stay within maxmemory.",
     [](const Observation& o) { return static_cast<double>(o.keys.evicted); }},

    {"ringkv_memory_used_bytes", kGauge, "Memory that is allocated, as maxmemory counts it.",
     [](const Observation& o) { return static_cast<double>(o.memory.used); }},
    {"ringkv_memory_peak_bytes", kGauge, "The most memory that was allocated.",
     [](const Observation& o) { return static_cast<double>(o.memory.peak); }},
    {"ringkv_memory_max_bytes", kGauge, "Limit of the memory (maxmemory); 0 for none.",
     [](const Observation& o) { return static_cast<double>(o.server.options().maxmemory.load()); }},
    {"ringkv_memory_dataset_bytes", kGauge, "Memory of keys and values.",
     [](const Observation& o) { return static_cast<double>(o.memory.dataset()); }},
    {"ringkv_memory_tables_bytes", kGauge, "Memory of the tables that keys stand in.",
     [](const Observation& o) { return static_cast<double>(o.memory.tables); }},
    {"ringkv_memory_clients_bytes", kGauge, "Memory of clients' buffers.",
     [](const Observation& o) { return static_cast<double>(o.memory.clients); }},
    {"ringkv_lazy_free_pending", kGauge, "Values and tables that wait to be freed in the background.",
     [](const Observation& o) { return static_cast<double>(o.server.store().reclaimer().pending()); }},

    {"ringkv_log_enabled", kGauge, "1 if changes are logged (appendonly).",
     [](const Observation& o) { return o.server.durability().wants_log() ? 1.0 : 0.0; }},
    {"ringkv_log_healthy", kGauge, "0 while the log can't be written and writes are refused.",
     [](const Observation& o) { return o.server.durability().log().has_failed() ? 0.0 : 1.0; }},
    {"ringkv_log_pending_bytes", kGauge, "Bytes of the log that are not with the system yet.",
     [](const Observation& o) { return static_cast<double>(o.server.store().log().pending_bytes()); }},
    {"ringkv_log_behind_snapshot_bytes", kGauge, "Bytes of the log since the last good snapshot.",
     [](const Observation& o) { return static_cast<double>(o.server.durability().LogBytesSinceSave()); }},
    {"ringkv_log_groups_appended_total", kCounter, "The number (LSN) of the last group of effects.",
     [](const Observation& o) { return static_cast<double>(o.server.store().log().appended()); }},
    {"ringkv_log_groups_durable_total", kCounter, "The number (LSN) of the last group that is on the disk.",
     [](const Observation& o) { return static_cast<double>(o.server.durability().log().durable()); }},
    {"ringkv_log_syncs_total", kCounter, "Times the log was synced.",
     [](const Observation& o) { return static_cast<double>(o.server.durability().log().syncs()); }},

    {"ringkv_snapshot_running", kGauge, "1 while a snapshot is being made.",
     [](const Observation& o) { return o.saving.is_running ? 1.0 : 0.0; }},
    {"ringkv_snapshot_last_success", kGauge, "1 if the last snapshot was a good one.",
     [](const Observation& o) { return o.saving.last_ok && o.saving.last_rewrite_ok ? 1.0 : 0.0; }},
    {"ringkv_snapshot_last_success_timestamp_seconds", kGauge,
     "When the last good snapshot was made, or the data set came to be.",
     [](const Observation& o) { return static_cast<double>(o.saving.last_success) / 1000; }},
    {"ringkv_snapshot_last_size_bytes", kGauge, "Size of the last snapshot's file.",
     [](const Observation& o) { return static_cast<double>(o.saving.summary.file_bytes); }},
    {"ringkv_snapshot_unsaved_changes", kGauge, "Changes since the last good snapshot.",
     [](const Observation& o) { return static_cast<double>(o.server.durability().ChangesSinceSave(o.txn)); }},
    {"ringkv_snapshots_total", kCounter, "Snapshots that were made.",
     [](const Observation& o) { return static_cast<double>(o.saving.saves + o.saving.rewrites); }},

    {"ringkv_replication_is_replica", kGauge, "1 if this server follows another one.",
     [](const Observation& o) { return IsReplica(o) ? 1.0 : 0.0; }},
    {"ringkv_replication_link_up", kGauge, "1 if this server is no replica, or is connected to its primary.",
     [](const Observation& o) {
       return !IsReplica(o) || o.server.replication().link().phase() == LinkPhase::kConnected ? 1.0 : 0.0;
     }},
    {"ringkv_replication_lag_seconds", kGauge, "Age of the newest change of the primary that isn't here yet.",
     [](const Observation& o) {
       return IsReplica(o) ? static_cast<double>(o.server.replication().link().LagMs(o.now_ms)) / 1000 : 0.0;
     }},
    {"ringkv_replication_connected_replicas", kGauge, "Replicas that follow this server.",
     [](const Observation& o) { return static_cast<double>(o.server.replication().replicas().size()); }},
    {"ringkv_replication_backlog_bytes", kGauge, "Bytes kept in memory for replicas that come back.",
     [](const Observation& o) {
       Replication& replication = o.server.replication();
       return replication.has_backlog() ? static_cast<double>(replication.backlog().bytes()) : 0.0;
     }},
    {"ringkv_replication_received_bytes_total", kCounter, "Bytes received from a primary.",
     [](const Observation& o) { return static_cast<double>(o.server.replication().totals().bytes_in); }},
    {"ringkv_replication_sent_bytes_total", kCounter, "Bytes sent to replicas.",
     [](const Observation& o) { return static_cast<double>(o.server.replication().totals().bytes_out); }},
    {"ringkv_replication_full_syncs_total", kCounter, "Replicas that were given a snapshot.",
     [](const Observation& o) { return static_cast<double>(o.server.replication().totals().full); }},
    {"ringkv_replication_partial_syncs_total", kCounter, "Replicas that went on where they were.",
     [](const Observation& o) { return static_cast<double>(o.server.replication().totals().partial); }},
};

// --- families with labels -------------------------------------------------------------------------------------------

using Labels = std::vector<ClientMetric::Label>;

MetricFamily Family(const char* name, MetricType type, const char* help) {
  MetricFamily family;
  family.name = name;
  family.type = type;
  family.help = help;
  return family;
}

void Add(MetricFamily* family, Labels labels, double value) {
  ClientMetric& metric = family->metric.emplace_back();
  metric.label = std::move(labels);
  family->type == kCounter ? metric.counter.value = value : metric.gauge.value = value;
}

// Bounds are powers of two of nanoseconds, where buckets of our histogram end too, so nothing is counted wrongly.
void AddHistogram(MetricFamily* family, Labels labels, const std::vector<uint64_t>& counts, uint64_t nanoseconds) {
  constexpr unsigned kFirst = 10;  // a microsecond
  constexpr unsigned kLast = 33;   // eight and a half seconds
  ClientMetric& metric = family->metric.emplace_back();
  metric.label = std::move(labels);
  uint64_t counted = 0;
  size_t bucket = 0;
  for (unsigned exponent = kFirst; exponent <= kLast; ++exponent) {
    const uint64_t bound = uint64_t{1} << exponent;
    while (bucket < counts.size() && LatencyHistogram::UpperBound(bucket) < bound) counted += counts[bucket++];
    metric.histogram.bucket.push_back({counted, static_cast<double>(bound) / 1e9});
  }
  while (bucket < counts.size()) counted += counts[bucket++];
  metric.histogram.bucket.push_back({counted, std::numeric_limits<double>::infinity()});
  metric.histogram.sample_count = counted;
  metric.histogram.sample_sum = static_cast<double>(nanoseconds) / 1e9;
}

using Families = std::vector<MetricFamily>;

void AddBuild(const Observation&, Families* out) {
  MetricFamily info = Family("ringkv_build_info", kGauge, "The version that runs, and what it speaks.");
  Add(&info, {{"version", std::string(kRingKvVersion)}, {"redis_version", std::string(kRedisVersion)}}, 1);
  out->push_back(std::move(info));
}

void AddCommands(const Observation& o, Families* out) {
  MetricFamily durations = Family("ringkv_command_duration_seconds", MetricType::Histogram,
                                  "Time that commands took, without the network (needs latency-tracking).");
  MetricFamily calls = Family("ringkv_commands_total", kCounter, "Commands that were executed.");
  MetricFamily failed = Family("ringkv_commands_failed_total", kCounter, "Commands that answered an error.");
  MetricFamily rejected = Family("ringkv_commands_rejected_total", kCounter, "Commands that were refused unexecuted.");
  for (size_t i = 0; i < o.server.commands().size(); ++i) {
    const CommandEntry& entry = o.server.commands().entry(i);
    const CommandTotals totals = TotalsOf(o.server, entry);
    if (totals.calls == 0 && totals.rejected == 0) continue;
    const Labels labels{{"command", entry.full_name}};
    Add(&calls, labels, static_cast<double>(totals.calls));
    Add(&failed, labels, static_cast<double>(totals.failed));
    Add(&rejected, labels, static_cast<double>(totals.rejected));
    if (!totals.histogram.empty()) AddHistogram(&durations, labels, totals.histogram, totals.nanoseconds);
  }
  MetricFamily errors = Family("ringkv_errors_total", kCounter, "Errors that were answered, by their code word.");
  for (const auto& [code, count] : o.errors) Add(&errors, {{"code", code}}, static_cast<double>(count));
  for (MetricFamily* family : {&durations, &calls, &failed, &rejected, &errors}) out->push_back(std::move(*family));
}

void AddHttp(const Observation& o, Families* out) {
  MetricFamily requests = Family("ringkv_http_requests_total", kCounter, "HTTP responses, by endpoint and status.");
  MetricFamily durations = Family("ringkv_http_request_duration_seconds", MetricType::Histogram,
                                  "Time from a whole HTTP request to its response.");
  const std::vector<std::string_view>& labels = http::RouteLabels();
  for (size_t label = 0; label < labels.size(); ++label) {
    const std::string endpoint(labels[label]);
    std::vector<uint64_t> histogram(LatencyHistogram::kBuckets);
    std::array<uint64_t, http::kStatusCount> by_status{};
    uint64_t nanoseconds = 0;
    for (size_t i = 0; i < o.server.threads(); ++i) {
      const auto& counted = o.server.thread(i).statistics.http.endpoint(label);
      for (size_t bucket = 0; bucket < histogram.size(); ++bucket) histogram[bucket] += counted.histogram.Count(bucket);
      for (size_t status = 0; status < by_status.size(); ++status) by_status[status] += counted.by_status[status].Get();
      nanoseconds += counted.nanoseconds.Get();
    }
    for (size_t status = 0; status < by_status.size(); ++status) {
      if (by_status[status] == 0) continue;
      Add(&requests, {{"endpoint", endpoint}, {"code", std::to_string(http::kStatuses[status])}},
          static_cast<double>(by_status[status]));
    }
    if (std::accumulate(histogram.begin(), histogram.end(), uint64_t{0}) == 0) continue;
    AddHistogram(&durations, {{"endpoint", endpoint}}, histogram, nanoseconds);
  }
  out->push_back(std::move(requests));
  out->push_back(std::move(durations));
}

void AddKeys(const Observation& o, Families* out) {
  MetricFamily keys = Family("ringkv_keys", kGauge, "Keys of a database.");
  MetricFamily expiring = Family("ringkv_keys_expiring", kGauge, "Keys of a database that will expire.");
  for (const auto& [db, size] : o.memory.databases) {
    const Labels labels{{"db", std::to_string(db)}};
    Add(&keys, labels, static_cast<double>(size.keys));
    Add(&expiring, labels, static_cast<double>(size.volatile_keys));
  }
  out->push_back(std::move(keys));
  out->push_back(std::move(expiring));
}

void AddPrefixes(const Observation& o, Families* out) {
  MetricFamily keys = Family("ringkv_prefix_keys", kGauge, "Keys that have the prefix (metrics-prefix).");
  MetricFamily bytes = Family("ringkv_prefix_bytes", kGauge, "Memory of keys with the prefix, and of their values.");
  MetricFamily reads = Family("ringkv_prefix_reads_total", kCounter, "Look-ups of keys with the prefix.");
  MetricFamily hits = Family("ringkv_prefix_hits_total", kCounter, "Look-ups that found a key with the prefix.");
  MetricFamily writes = Family("ringkv_prefix_writes_total", kCounter, "Changes of keys with the prefix.");
  for (const storage::PrefixUsage& usage : PrefixUsages(o.txn)) {
    const Labels labels{{"prefix", usage.prefix}};
    Add(&keys, labels, static_cast<double>(usage.size.keys));
    Add(&bytes, labels, static_cast<double>(usage.size.bytes));
    Add(&reads, labels, static_cast<double>(usage.uses.reads));
    Add(&hits, labels, static_cast<double>(usage.uses.reads - usage.uses.misses));
    Add(&writes, labels, static_cast<double>(usage.uses.writes));
  }
  for (MetricFamily* family : {&keys, &bytes, &reads, &hits, &writes}) out->push_back(std::move(*family));
}

void AddIndexes(const Observation& o, Families* out) {
  MetricFamily keys = Family("ringkv_index_keys", kGauge, "Keys in an index of keys.");
  MetricFamily bytes = Family("ringkv_index_bytes", kGauge, "Memory of an index of keys.");
  MetricFamily ready = Family("ringkv_index_ready", kGauge, "1 if the index covers all keys.");
  MetricFamily searches = Family("ringkv_index_searches_total", kCounter, "Searches that the index has answered.");
  storage::IndexPolicy& policy = o.server.store().index_policy();
  for (const Direction direction : storage::kBothDirections) {
    const storage::IndexReport report = ReportIndexes(o.txn, direction);
    const Labels labels{{"kind", direction == Direction::kForward ? "prefix" : "suffix"}};
    Add(&keys, labels, static_cast<double>(report.keys));
    Add(&bytes, labels, static_cast<double>(report.bytes));
    Add(&ready, labels, policy.IsWanted(direction, o.steady_ms) && report.ready == report.tables ? 1 : 0);
    Add(&searches, labels, static_cast<double>(policy.answered(direction)));
  }
  for (MetricFamily* family : {&keys, &bytes, &ready, &searches}) out->push_back(std::move(*family));
}

void AddReplicas(const Observation& o, Families* out) {
  MetricFamily lag = Family("ringkv_replication_replica_lag_seconds", kGauge, "Time since a replica was heard of.");
  MetricFamily behind = Family("ringkv_replication_replica_lag_groups", kGauge, "Groups that a replica hasn't got.");
  const storage::Lsn last = o.server.store().log().appended();
  for (const Replication::Replica& replica : o.server.replication().replicas()) {
    const Labels labels{{"replica", replica.host + ":" + std::to_string(replica.port)}};
    Add(&lag, labels, static_cast<double>(replica.lag_seconds));
    Add(&behind, labels, static_cast<double>(last - std::min(last, replica.acknowledged)));
  }
  out->push_back(std::move(lag));
  out->push_back(std::move(behind));
}

void AddCluster(const Observation& o, Families* out) {
  if (!o.server.cluster().is_enabled()) return;
  const std::shared_ptr<const ClusterView> view = o.server.cluster().view();
  MetricFamily slots = Family("ringkv_cluster_slots", kGauge, "Slots of a shard, as this node knows it.");
  for (size_t i = 0; i < view->topology.shards().size(); ++i) {
    Add(&slots, {{"shard", view->topology.shards()[i].name}},
        static_cast<double>(view->slots.CountOf(static_cast<cluster::ShardIndex>(i))));
  }
  MetricFamily unowned = Family("ringkv_cluster_slots_unowned", kGauge, "Slots whose owner this node doesn't know.");
  Add(&unowned, {}, static_cast<double>(view->slots.CountOf(cluster::kNoShard)));
  MetricFamily moving = Family("ringkv_cluster_slots_moving", kGauge, "Slots on their way between two shards.");
  double left = 0;
  for (const SlotMoves::Progress& move : o.server.cluster().moves().progress())
    left += static_cast<double>(move.slots_left);
  Add(&moving, {}, left);
  MetricFamily epoch = Family("ringkv_cluster_epoch", kGauge, "Epoch of the topology.");
  Add(&epoch, {}, static_cast<double>(view->topology.epoch()));
  MetricFamily nodes = Family("ringkv_cluster_nodes", kGauge, "Nodes of the topology.");
  Add(&nodes, {}, static_cast<double>(view->topology.nodes().size()));
  for (MetricFamily* family : {&slots, &unowned, &moving, &epoch, &nodes}) out->push_back(std::move(*family));
}

}  // namespace

std::vector<MetricFamily> CollectMetrics(const Observation& observation) {
  Families families;
  AddBuild(observation, &families);
  for (const Row& row : kMetricRows) {
    Add(&families.emplace_back(Family(row.name, row.type, row.help)), {}, row.value(observation));
  }
  for (const auto& add : {AddCommands, AddHttp, AddKeys, AddPrefixes, AddIndexes, AddReplicas, AddCluster}) {
    add(observation, &families);
  }
  std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
  return families;
}

}  // namespace ringkv::server
