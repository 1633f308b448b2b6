// SPDX-License-Identifier: MIT
// What has come and gone: connections, bytes, keys looked up, expired and evicted.
#include "server/migration/key_migrations.h"
#include "server/replication/replication.h"
#include "server/report/metric_table.h"
#include "storage/transaction/totals.h"

namespace ringkv::server {
namespace {

template <auto kMember>
Reading OfKeys(const Observation& o) {
  return o.keys.*kMember;
}
template <auto kMember>
Reading OfReplication(const Observation& o) {
  return (o.parts.replication.totals().*kMember).load();
}
template <Topic kTopic>
Reading CountNames(const Observation& o) {
  return o.parts.broker.CountNames(kTopic);
}

Reading Kilobytes(uint64_t bytes) { return Reading(static_cast<double>(bytes) / 1024, 2); }

// With a single thread, nothing is said to be done by I/O threads.
template <Counter ThreadStatistics::*kCounted>
Reading OfThreads(const Observation& o) {
  return o.parts.options.io_threads > 1 ? o.Sum(kCounted) : uint64_t{0};
}

using Totals = ReplicationTotals;

// The row of when certificates end.
void AddCertificateEnds(const Observation& o, Families* families) {
  const auto context = o.parts.options.tls.Get();
  if (context == nullptr) return;
  MetricFamily& family = families->emplace_back(
      EmptyFamily({"ringkv_tls_certificate_expiry_timestamp_seconds", kGauge,
                   "When a certificate in use ends, in seconds since 1970; of several authorities the first."}));
  for (const transport::CertificateEnd& end : context->ends()) {
    AddSample(&family, {{"use", end.use}, {"file", end.file}}, static_cast<double>(end.seconds));
  }
}

constexpr Metric kTrafficMetrics[] = {
    {.section = "stats",
     .info = "total_connections_received",
     .series = {"ringkv_connections_accepted_total", kCounter, "Connections accepted."},
     .read = SumOf<&ThreadStatistics::connections_accepted>},
    {.section = "stats", .info = "total_commands_processed", .read = SumOf<&ThreadStatistics::commands>},
    {.section = "stats",
     .info = "instantaneous_ops_per_sec",
     .read = [](const Observation& o) { return Reading(o.parts.housekeeping.rates().commands()); }},
    {.section = "stats",
     .info = "total_net_input_bytes",
     .series = {"ringkv_network_received_bytes_total", kCounter, "Bytes received from clients."},
     .read = SumOf<&ThreadStatistics::bytes_read>},
    {.section = "stats",
     .info = "total_net_output_bytes",
     .series = {"ringkv_network_sent_bytes_total", kCounter, "Bytes sent to clients."},
     .read = SumOf<&ThreadStatistics::bytes_written>},
    {.section = "stats",
     .info = "total_net_repl_input_bytes",
     .series = {"ringkv_replication_received_bytes_total", kCounter, "Bytes received from the primary."},
     .read = OfReplication<&Totals::bytes_in>},
    {.section = "stats",
     .info = "total_net_repl_output_bytes",
     .series = {"ringkv_replication_sent_bytes_total", kCounter, "Bytes sent to replicas."},
     .read = OfReplication<&Totals::bytes_out>},
    {.section = "stats",
     .info = "instantaneous_input_kbps",
     .read = [](const Observation& o) { return Kilobytes(o.parts.housekeeping.rates().bytes_read()); }},
    {.section = "stats",
     .info = "instantaneous_output_kbps",
     .read = [](const Observation& o) { return Kilobytes(o.parts.housekeeping.rates().bytes_written()); }},
    {.section = "stats",
     .info = "instantaneous_input_repl_kbps",
     .read = [](const Observation& o) { return Kilobytes(o.parts.housekeeping.rates().link_bytes_received()); }},
    {.section = "stats",
     .info = "instantaneous_output_repl_kbps",
     .read = [](const Observation& o) { return Kilobytes(o.parts.housekeeping.rates().link_bytes_sent()); }},
    {.section = "stats",
     .info = "rejected_connections",
     .series = {"ringkv_connections_rejected_total", kCounter, "Connections rejected."},
     .read = SumOf<&ThreadStatistics::connections_rejected>},
    {.series = {"ringkv_tls_handshakes_total", kCounter, "TLS handshakes of clients that were done."},
     .read = SumOf<&ThreadStatistics::tls_handshakes>},
    {.series = {"ringkv_tls_handshakes_failed_total", kCounter,
                "TLS handshakes of clients that failed, or were not done within tls-handshake-timeout."},
     .read = SumOf<&ThreadStatistics::tls_handshakes_failed>},
    {.add_families = AddCertificateEnds},
    {.section = "stats",
     .info = "sync_full",
     .series = {"ringkv_replication_full_syncs_total", kCounter, "Full syncs of replicas."},
     .read = OfReplication<&Totals::full>},
    {.section = "stats",
     .info = "sync_partial_ok",
     .series = {"ringkv_replication_partial_syncs_total", kCounter, "Partial syncs of replicas."},
     .read = OfReplication<&Totals::partial>},
    {.section = "stats", .info = "sync_partial_err", .read = OfReplication<&Totals::partial_refused>},
    {.section = "stats",
     .info = "expired_keys",
     .series = {"ringkv_keys_expired_total", kCounter, "Expired keys."},
     .read = OfKeys<&storage::KeyStatistics::expired>},
    {.section = "stats",
     .info = "expired_subkeys",
     .series = {"ringkv_fields_expired_total", kCounter, "Expired fields of hashes."},
     .read = [](const Observation& o) { return Reading(storage::CountExpiredFields(o.txn)); }},
    {.section = "stats",
     .info = "expired_time_cap_reached_count",
     .read = [](const Observation& o) { return Reading(o.parts.housekeeping.expiry_cost().slices_cut.load()); }},
    {.section = "stats",
     .info = "expire_cycle_cpu_milliseconds",
     .read =
         [](const Observation& o) { return Reading(o.parts.housekeeping.expiry_cost().microseconds.load() / 1000); }},
    {.section = "stats",
     .info = "evicted_keys",
     .series = {"ringkv_keys_evicted_total", kCounter, "Evicted keys."},
     .read = OfKeys<&storage::KeyStatistics::evicted>},
    {.section = "stats",
     .info = "evicted_clients",
     .series = {"ringkv_clients_evicted_total", kCounter, "Clients closed by maxmemory-clients."},
     .read = SumOf<&ThreadStatistics::clients_evicted>},
    {.section = "stats",
     .info = "total_eviction_exceeded_count",
     .read = SumOf<&ThreadStatistics::evictions_out_of_time>},
    {.section = "stats",
     .info = "total_eviction_exceeded_time",
     .read = [](const Observation& o) { return Reading(o.parts.memory.total_exceeded_ms()); }},
    {.section = "stats",
     .info = "current_eviction_exceeded_time",
     .read = [](const Observation& o) { return Reading(o.parts.memory.exceeded_ms()); }},
    {.section = "stats",
     .info = "keyspace_hits",
     .series = {"ringkv_keyspace_hits_total", kCounter, "Key look-ups that found the key."},
     .read = OfKeys<&storage::KeyStatistics::hits>},
    {.section = "stats",
     .info = "keyspace_misses",
     .series = {"ringkv_keyspace_misses_total", kCounter, "Key look-ups that did not find the key."},
     .read = OfKeys<&storage::KeyStatistics::misses>},
    {.section = "stats", .info = "pubsub_channels", .read = CountNames<Topic::kChannel>},
    {.section = "stats", .info = "pubsub_patterns", .read = CountNames<Topic::kPattern>},
    {.section = "stats", .info = "pubsubshard_channels", .read = CountNames<Topic::kShardChannel>},
    {.section = "stats",
     .info = "tracking_total_keys",
     .series = {"ringkv_tracked_keys", kGauge, "Keys that are remembered for clients which keep copies of them."},
     .read = [](const Observation& o) { return Reading(o.parts.tracking.keys()); }},
    {.section = "stats",
     .info = "tracking_total_items",
     .series = {"ringkv_tracked_copies", kGauge, "Those keys, each counted once for every client."},
     .read = [](const Observation& o) { return Reading(o.parts.tracking.items()); }},
    {.section = "stats",
     .info = "tracking_total_prefixes",
     .read = [](const Observation& o) { return Reading(o.parts.tracking.CountPrefixes()); }},
    {.section = "stats",
     .info = "migrate_cached_sockets",
     .read = [](const Observation& o) { return Reading(uint64_t{o.parts.key_migrations.cached_connections()}); }},
    {.section = "stats", .info = "total_error_replies", .read = SumOf<&ThreadStatistics::errors_answered>},
    {.section = "stats", .info = "total_reads_processed", .read = SumOf<&ThreadStatistics::reads_processed>},
    {.section = "stats", .info = "total_writes_processed", .read = SumOf<&ThreadStatistics::writes_processed>},
    {.section = "stats", .info = "io_threaded_reads_processed", .read = OfThreads<&ThreadStatistics::reads_processed>},
    {.section = "stats",
     .info = "io_threaded_writes_processed",
     .read = OfThreads<&ThreadStatistics::writes_processed>},
    {.section = "stats", .info = "reply_buffer_shrinks", .read = SumOf<&ThreadStatistics::reply_buffer_shrinks>},
    {.section = "stats", .info = "reply_buffer_expands", .read = SumOf<&ThreadStatistics::reply_buffer_expands>},
    {.section = "stats",
     .info = "client_query_buffer_limit_disconnections",
     .series = {"ringkv_clients_closed_by_input_limit_total", kCounter, "Clients closed by client-query-buffer-limit."},
     .read = SumOf<&ThreadStatistics::query_buffer_limit_disconnections>},
    {.section = "stats",
     .info = "client_output_buffer_limit_disconnections",
     .series = {"ringkv_clients_closed_by_output_limit_total", kCounter,
                "Clients closed by client-output-buffer-limit."},
     .read = SumOf<&ThreadStatistics::output_buffer_limit_disconnections>},
    {.section = "stats",
     .info = "cluster_messages_dropped",
     .series = {"ringkv_cluster_messages_dropped_total", kCounter,
                "Published messages not sent to other nodes, which did not read."},
     .read = SumOf<&ThreadStatistics::node_messages_dropped>},
};

}  // namespace

std::span<const Metric> TrafficMetrics() { return kTrafficMetrics; }

}  // namespace ringkv::server
