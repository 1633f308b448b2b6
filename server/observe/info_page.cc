// SPDX-License-Identifier: MIT
#include "server/observe/info_page.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "server/cluster/cluster_state.h"
#include "server/command/arguments.h"
#include "server/config/option_table.h"
#include "server/observe/command_totals.h"
#include "server/observe/observation.h"
#include "server/version.h"
#include "storage/totals.h"

namespace ringkv::server {
namespace {

using Value = std::string (*)(const Observation&);

struct Field {
  std::string_view section;
  std::string_view name;
  Value value;
};

void AddField(std::string* out, std::string_view name, std::string_view value) {
  *out += std::string(name) + ":" + std::string(value) + "\r\n";
}

std::string Text(uint64_t number) { return std::to_string(number); }

std::string Fixed(double number, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return text;
}

std::string Human(size_t bytes) {
  static constexpr std::string_view kUnits = "BKMGTP";
  double shown = static_cast<double>(bytes);
  size_t unit = 0;
  while (shown >= 1024 && unit + 1 < kUnits.size()) {
    shown /= 1024;
    ++unit;
  }
  return unit == 0 ? Text(bytes) + "B" : Fixed(shown, 2) + kUnits[unit];
}

std::string SecondsText(const timeval& time) {
  char text[64];
  std::snprintf(text, sizeof text, "%ld.%06ld", static_cast<long>(time.tv_sec), static_cast<long>(time.tv_usec));
  return text;
}

std::string Executable() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).string();
}

std::string OperatingSystem() {
  utsname name{};
  ::uname(&name);
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

size_t LargestOf(const Observation& s, std::atomic<size_t> ClientCard::*size) {
  size_t largest = 0;
  for (const auto& card : s.server.clients().All()) largest = std::max(largest, ((*card).*size).load());
  return largest;
}

// Clients that wait: in WAIT, or because of CLIENT PAUSE.
uint64_t WaitingClients(const Observation& s) {
  const auto all = s.server.clients().All();
  return static_cast<uint64_t>(
      std::count_if(all.begin(), all.end(), [](const auto& card) { return card->is_paused || card->is_waiting; }));
}

std::string SecondsRunning(const Observation& s, storage::SnapshotReason reason) {
  return s.IsSaving(reason) ? std::to_string((s.steady_ms - s.saving.started) / 1000) : "-1";
}

std::string OptionOf(const Observation& s, std::string_view name) {
  return OptionValue(s.server.options(), *FindOption(name));
}

constexpr Field kFields[] = {
    {"server", "redis_version", [](const Observation&) { return std::string(kRedisVersion); }},
    {"server", "ringkv_version", [](const Observation&) { return std::string(kRingKvVersion); }},
    {"server", "redis_mode",
     [](const Observation& s) { return std::string(s.server.cluster().is_enabled() ? "cluster" : "standalone"); }},
    {"server", "os", [](const Observation&) { return OperatingSystem(); }},
    {"server", "arch_bits", [](const Observation&) { return Text(sizeof(void*) * 8); }},
    {"server", "monotonic_clock",
     [](const Observation& s) {
       return std::string(s.server.ticks().uses_counter() ? "processor counter" : "POSIX clock_gettime");
     }},
    {"server", "multiplexing_api", [](const Observation&) { return std::string("epoll"); }},
    {"server", "gcc_version", [](const Observation&) { return std::string(__VERSION__); }},
    {"server", "process_id", [](const Observation&) { return Text(static_cast<uint64_t>(::getpid())); }},
    {"server", "run_id", [](const Observation& s) { return s.server.run_id(); }},
    {"server", "tcp_port", [](const Observation& s) { return OptionOf(s, "port"); }},
    {"server", "server_time_usec", [](const Observation& s) { return std::to_string(s.server.clock().NowMicros()); }},
    {"server", "uptime_in_seconds",
     [](const Observation& s) { return std::to_string((s.steady_ms - s.server.started_steady_ms()) / 1000); }},
    {"server", "uptime_in_days",
     [](const Observation& s) { return std::to_string((s.steady_ms - s.server.started_steady_ms()) / 86'400'000); }},
    {"server", "hz", [](const Observation& s) { return OptionOf(s, "hz"); }},
    {"server", "configured_hz", [](const Observation& s) { return OptionOf(s, "hz"); }},
    {"server", "lru_clock", [](const Observation& s) { return Text(storage::AccessSecond(s.now_ms)); }},
    {"server", "executable", [](const Observation&) { return Executable(); }},
    {"server", "config_file", [](const Observation& s) { return s.server.config_path(); }},
    {"server", "io_threads_active", [](const Observation& s) { return Text(s.server.threads() > 1 ? 1 : 0); }},
    {"server", "io_threads", [](const Observation& s) { return Text(s.server.threads()); }},

    {"clients", "connected_clients", [](const Observation& s) { return Text(s.server.clients().size()); }},
    {"clients", "cluster_connections", [](const Observation&) { return Text(0); }},
    {"clients", "maxclients", [](const Observation& s) { return OptionOf(s, "maxclients"); }},
    {"clients", "client_recent_max_input_buffer",
     [](const Observation& s) { return Text(LargestOf(s, &ClientCard::input_bytes)); }},
    {"clients", "client_recent_max_output_buffer",
     [](const Observation& s) { return Text(LargestOf(s, &ClientCard::output_bytes)); }},
    {"clients", "blocked_clients", [](const Observation& s) { return Text(WaitingClients(s)); }},
    {"clients", "tracking_clients", [](const Observation&) { return Text(0); }},
    {"clients", "clients_in_timeout_table", [](const Observation&) { return Text(0); }},

    {"memory", "used_memory", [](const Observation& s) { return Text(s.memory.used); }},
    {"memory", "used_memory_human", [](const Observation& s) { return Human(s.memory.used); }},
    {"memory", "used_memory_rss", [](const Observation& s) { return Text(s.memory.resident); }},
    {"memory", "used_memory_rss_human", [](const Observation& s) { return Human(s.memory.resident); }},
    {"memory", "used_memory_peak", [](const Observation& s) { return Text(s.memory.peak); }},
    {"memory", "used_memory_peak_human", [](const Observation& s) { return Human(s.memory.peak); }},
    {"memory", "used_memory_peak_perc",
     [](const Observation& s) { return Fixed(100 * MemoryReport::Ratio(s.memory.used, s.memory.peak), 2) + "%"; }},
    {"memory", "used_memory_overhead", [](const Observation& s) { return Text(s.memory.overhead()); }},
    {"memory", "used_memory_startup", [](const Observation& s) { return Text(s.memory.startup); }},
    {"memory", "used_memory_dataset", [](const Observation& s) { return Text(s.memory.dataset()); }},
    {"memory", "used_memory_dataset_perc",
     [](const Observation& s) { return Fixed(s.memory.DatasetPercentage(), 2) + "%"; }},
    {"memory", "allocator_allocated", [](const Observation& s) { return Text(s.memory.allocator.allocated); }},
    {"memory", "allocator_active", [](const Observation& s) { return Text(s.memory.allocator.active); }},
    {"memory", "allocator_resident", [](const Observation& s) { return Text(s.memory.allocator.resident); }},
    {"memory", "total_system_memory", [](const Observation& s) { return Text(s.memory.system); }},
    {"memory", "total_system_memory_human", [](const Observation& s) { return Human(s.memory.system); }},
    {"memory", "maxmemory", [](const Observation& s) { return OptionOf(s, "maxmemory"); }},
    {"memory", "maxmemory_human",
     [](const Observation& s) { return Human(static_cast<size_t>(s.server.options().maxmemory.load())); }},
    {"memory", "maxmemory_policy", [](const Observation& s) { return OptionOf(s, "maxmemory-policy"); }},
    {"memory", "allocator_frag_ratio",
     [](const Observation& s) {
       return Fixed(MemoryReport::Ratio(s.memory.allocator.active, s.memory.allocator.allocated), 2);
     }},
    {"memory", "allocator_frag_bytes",
     [](const Observation& s) {
       return Text(s.memory.allocator.active - std::min(s.memory.allocator.allocated, s.memory.allocator.active));
     }},
    {"memory", "allocator_rss_ratio",
     [](const Observation& s) {
       return Fixed(MemoryReport::Ratio(s.memory.allocator.resident, s.memory.allocator.active), 2);
     }},
    {"memory", "allocator_rss_bytes",
     [](const Observation& s) {
       return Text(s.memory.allocator.resident - std::min(s.memory.allocator.active, s.memory.allocator.resident));
     }},
    {"memory", "rss_overhead_ratio",
     [](const Observation& s) {
       return Fixed(MemoryReport::Ratio(s.memory.resident, s.memory.allocator.resident), 2);
     }},
    {"memory", "mem_fragmentation_ratio",
     [](const Observation& s) { return Fixed(MemoryReport::Ratio(s.memory.resident, s.memory.used), 2); }},
    {"memory", "mem_fragmentation_bytes",
     [](const Observation& s) {
       return std::to_string(static_cast<int64_t>(s.memory.resident) - static_cast<int64_t>(s.memory.used));
     }},
    {"memory", "mem_not_counted_for_evict", [](const Observation&) { return Text(0); }},
    {"memory", "mem_clients_slaves", [](const Observation& s) { return Text(s.memory.replicas); }},
    {"memory", "mem_clients_normal", [](const Observation& s) { return Text(s.memory.clients); }},
    {"memory", "mem_tables", [](const Observation& s) { return Text(s.memory.tables); }},
    {"memory", "mem_aof_buffer", [](const Observation&) { return Text(0); }},
    {"memory", "mem_allocator", [](const Observation&) { return storage::AllocatorName(); }},
    {"memory", "active_defrag_running", [](const Observation&) { return Text(0); }},
    {"memory", "lazyfree_pending_objects",
     [](const Observation& s) { return Text(s.server.store().reclaimer().pending()); }},
    {"memory", "lazyfreed_objects", [](const Observation& s) { return Text(s.server.store().reclaimer().freed()); }},

    {"persistence", "loading", [](const Observation& s) { return Text(s.server.is_loading() ? 1 : 0); }},
    {"persistence", "async_loading", [](const Observation&) { return Text(0); }},
    {"persistence", "current_save_keys_processed",
     [](const Observation& s) { return Text(static_cast<uint64_t>(s.saving.progress * s.TotalKeys())); }},
    {"persistence", "current_save_keys_total",
     [](const Observation& s) { return Text(s.saving.is_running ? static_cast<uint64_t>(s.TotalKeys()) : 0); }},
    {"persistence", "rdb_changes_since_last_save",
     [](const Observation& s) { return Text(s.server.durability().ChangesSinceSave(s.txn)); }},
    {"persistence", "rdb_bgsave_in_progress",
     [](const Observation& s) { return Text(s.IsSaving(storage::SnapshotReason::kSave) ? 1 : 0); }},
    {"persistence", "rdb_last_save_time",
     [](const Observation& s) { return std::to_string(s.saving.last_success / 1000); }},
    {"persistence", "rdb_last_bgsave_status",
     [](const Observation& s) { return std::string(s.saving.last_ok ? "ok" : "err"); }},
    {"persistence", "rdb_last_bgsave_time_sec",
     [](const Observation& s) { return std::to_string(s.saving.last_seconds); }},
    {"persistence", "rdb_current_bgsave_time_sec",
     [](const Observation& s) { return SecondsRunning(s, storage::SnapshotReason::kSave); }},
    {"persistence", "rdb_saves", [](const Observation& s) { return Text(s.saving.saves); }},
    {"persistence", "rdb_last_cow_size", [](const Observation&) { return Text(0); }},
    {"persistence", "rdb_last_load_keys_expired", [](const Observation&) { return Text(0); }},
    {"persistence", "rdb_last_load_keys_loaded",
     [](const Observation& s) { return Text(s.server.durability().keys_loaded()); }},
    {"persistence", "aof_enabled",
     [](const Observation& s) { return Text(s.server.durability().wants_log() ? 1 : 0); }},
    {"persistence", "aof_rewrite_in_progress",
     [](const Observation& s) { return Text(s.IsSaving(storage::SnapshotReason::kLogRewrite) ? 1 : 0); }},
    {"persistence", "aof_rewrite_scheduled",
     [](const Observation& s) {
       return Text(s.saving.is_scheduled && s.saving.scheduled_reason == storage::SnapshotReason::kLogRewrite ? 1 : 0);
     }},
    {"persistence", "aof_last_rewrite_time_sec",
     [](const Observation& s) { return std::to_string(s.saving.last_rewrite_seconds); }},
    {"persistence", "aof_current_rewrite_time_sec",
     [](const Observation& s) { return SecondsRunning(s, storage::SnapshotReason::kLogRewrite); }},
    {"persistence", "aof_last_bgrewrite_status",
     [](const Observation& s) { return std::string(s.saving.last_rewrite_ok ? "ok" : "err"); }},
    {"persistence", "aof_rewrites", [](const Observation& s) { return Text(s.saving.rewrites); }},
    {"persistence", "aof_last_write_status",
     [](const Observation& s) { return std::string(s.server.durability().log().has_failed() ? "err" : "ok"); }},
    {"persistence", "aof_last_cow_size", [](const Observation&) { return Text(0); }},
    {"persistence", "aof_current_size",
     [](const Observation& s) {
       return Text(s.saving.summary.file_bytes + s.server.durability().LogBytesSinceSave());
     }},
    {"persistence", "aof_base_size", [](const Observation& s) { return Text(s.saving.summary.file_bytes); }},
    {"persistence", "aof_buffer_length",
     [](const Observation& s) { return Text(s.server.store().log().pending_bytes()); }},
    {"persistence", "log_lsn_appended", [](const Observation& s) { return Text(s.server.store().log().appended()); }},
    {"persistence", "log_lsn_durable",
     [](const Observation& s) { return Text(s.server.durability().log().durable()); }},
    {"persistence", "log_syncs", [](const Observation& s) { return Text(s.server.durability().log().syncs()); }},
    {"persistence", "log_failure", [](const Observation& s) { return s.server.durability().log().failure(); }},
    {"persistence", "snapshot_age_seconds",
     [](const Observation& s) { return std::to_string((s.steady_ms - s.saving.last_success_steady) / 1000); }},
    {"persistence", "snapshot_last_lsn", [](const Observation& s) { return Text(s.saving.summary.last); }},
    {"persistence", "snapshot_compression_ratio",
     [](const Observation& s) {
       return Fixed(MemoryReport::Ratio(s.saving.summary.raw_bytes, s.saving.summary.file_bytes), 2);
     }},
    {"persistence", "snapshot_failure", [](const Observation& s) { return s.saving.failure; }},

    {"stats", "total_connections_received",
     [](const Observation& s) { return Text(s.Sum(&ThreadStatistics::connections_accepted)); }},
    {"stats", "total_commands_processed",
     [](const Observation& s) { return Text(s.Sum(&ThreadStatistics::commands)); }},
    {"stats", "instantaneous_ops_per_sec", [](const Observation& s) { return Text(s.server.rates().commands); }},
    {"stats", "total_net_input_bytes", [](const Observation& s) { return Text(s.Sum(&ThreadStatistics::bytes_read)); }},
    {"stats", "total_net_output_bytes",
     [](const Observation& s) { return Text(s.Sum(&ThreadStatistics::bytes_written)); }},
    {"stats", "total_net_repl_input_bytes",
     [](const Observation& s) { return Text(s.server.replication().totals().bytes_in); }},
    {"stats", "total_net_repl_output_bytes",
     [](const Observation& s) { return Text(s.server.replication().totals().bytes_out); }},
    {"stats", "instantaneous_input_kbps",
     [](const Observation& s) { return Fixed(static_cast<double>(s.server.rates().bytes_read) / 1024, 2); }},
    {"stats", "instantaneous_output_kbps",
     [](const Observation& s) { return Fixed(static_cast<double>(s.server.rates().bytes_written) / 1024, 2); }},
    {"stats", "rejected_connections",
     [](const Observation& s) { return Text(s.Sum(&ThreadStatistics::connections_rejected)); }},
    {"stats", "sync_full", [](const Observation& s) { return Text(s.server.replication().totals().full); }},
    {"stats", "sync_partial_ok", [](const Observation& s) { return Text(s.server.replication().totals().partial); }},
    {"stats", "sync_partial_err",
     [](const Observation& s) { return Text(s.server.replication().totals().partial_refused); }},
    {"stats", "expired_keys", [](const Observation& s) { return Text(s.keys.expired); }},
    {"stats", "evicted_keys", [](const Observation& s) { return Text(s.keys.evicted); }},
    {"stats", "evicted_clients", [](const Observation& s) { return Text(s.Sum(&ThreadStatistics::clients_evicted)); }},
    {"stats", "total_eviction_exceeded_count",
     [](const Observation& s) { return Text(s.Sum(&ThreadStatistics::evictions_out_of_time)); }},
    {"stats", "keyspace_hits", [](const Observation& s) { return Text(s.keys.hits); }},
    {"stats", "keyspace_misses", [](const Observation& s) { return Text(s.keys.misses); }},
    {"stats", "pubsub_channels",
     [](const Observation& s) { return Text(s.server.broker().CountNames(Topic::kChannel)); }},
    {"stats", "pubsub_patterns",
     [](const Observation& s) { return Text(s.server.broker().CountNames(Topic::kPattern)); }},
    {"stats", "pubsubshard_channels",
     [](const Observation& s) { return Text(s.server.broker().CountNames(Topic::kShardChannel)); }},
    {"stats", "latest_fork_usec", [](const Observation&) { return Text(0); }},
    {"stats", "total_forks", [](const Observation&) { return Text(0); }},
    {"stats", "total_error_replies",
     [](const Observation& s) { return Text(s.Sum(&ThreadStatistics::errors_answered)); }},
    {"stats", "total_reads_processed",
     [](const Observation& s) { return Text(s.Sum(&ThreadStatistics::reads_processed)); }},
    {"stats", "total_writes_processed",
     [](const Observation& s) { return Text(s.Sum(&ThreadStatistics::writes_processed)); }},
    {"stats", "client_query_buffer_limit_disconnections",
     [](const Observation& s) { return Text(s.Sum(&ThreadStatistics::query_buffer_limit_disconnections)); }},
    {"stats", "client_output_buffer_limit_disconnections",
     [](const Observation& s) { return Text(s.Sum(&ThreadStatistics::output_buffer_limit_disconnections)); }},

    {"cpu", "used_cpu_sys", [](const Observation& s) { return SecondsText(s.usage.ru_stime); }},
    {"cpu", "used_cpu_user", [](const Observation& s) { return SecondsText(s.usage.ru_utime); }},
    {"cpu", "used_cpu_sys_children", [](const Observation&) { return std::string("0.000000"); }},
    {"cpu", "used_cpu_user_children", [](const Observation&) { return std::string("0.000000"); }},

    {"cluster", "cluster_enabled", [](const Observation& s) { return Text(s.server.cluster().is_enabled() ? 1 : 0); }},
};

void AddLink(const Observation& s, std::string* out) {
  PrimaryLink& link = s.server.replication().link();
  const PrimaryAddress primary = link.target();
  const LinkPhase phase = link.phase();
  const bool is_up = phase == LinkPhase::kConnected;
  const auto seconds_since = [&](int64_t then) { return std::to_string(then == 0 ? -1 : (s.steady_ms - then) / 1000); };
  AddField(out, "master_host", primary.host);
  AddField(out, "master_port", std::to_string(primary.port));
  AddField(out, "master_link_status", is_up ? "up" : "down");
  AddField(out, "master_last_io_seconds_ago", is_up ? seconds_since(link.last_received_ms()) : "-1");
  AddField(out, "master_sync_in_progress", Text(phase == LinkPhase::kSync ? 1 : 0));
  AddField(out, "slave_read_repl_offset", Text(link.last()));
  AddField(out, "slave_repl_offset", Text(link.last()));
  if (phase == LinkPhase::kSync) AddField(out, "master_sync_read_bytes", Text(link.snapshot_bytes()));
  if (!is_up) AddField(out, "master_link_down_since_seconds", seconds_since(link.down_since_ms()));
  const storage::Lsn ahead = link.primary_last();
  AddField(out, "slave_lag_groups", Text(ahead > link.last() ? ahead - link.last() : 0));
  AddField(out, "slave_lag_ms", Text(static_cast<uint64_t>(link.LagMs(s.now_ms))));
  AddField(out, "slave_priority", "100");
  AddField(out, "slave_read_only", Text(s.server.options().replica_read_only != 0 ? 1 : 0));
  AddField(out, "replica_announced", "1");
}

std::string_view FeedStateName(FeedState state) {
  switch (state) {
    case FeedState::kStarting: return "wait_bgsave";
    case FeedState::kSendingSnapshot: return "send_bulk";
    default: return "online";
  }
}

void AddMigration(const Observation& s, std::string* out) {
  RedisLink& redis = s.server.replication().redis_link();
  const PrimaryAddress target = redis.target();
  AddField(out, "migrate_from", target.host + ":" + std::to_string(target.port));
  AddField(out, "migrate_link_status", redis.phase() == LinkPhase::kConnected ? "up" : "down");
  AddField(out, "migrate_sync_in_progress", Text(redis.phase() == LinkPhase::kSync ? 1 : 0));
  AddField(out, "migrate_offset", std::to_string(redis.offset()));
  AddField(out, "migrate_keys_left_out", Text(redis.keys_left_out()));
  AddField(out, "migrate_commands_left_out", Text(redis.commands_left_out()));
}

void AddReplication(const Observation& s, std::string* out) {
  Replication& replication = s.server.replication();
  AddField(out, "role", replication.is_replica() ? "slave" : "master");
  AddField(out, "draining", Text(s.server.is_draining() ? 1 : 0));
  if (replication.is_replica()) AddLink(s, out);
  if (replication.is_migrating()) AddMigration(s, out);
  const std::vector<Replication::Replica> replicas = replication.replicas();
  AddField(out, "connected_slaves", Text(replicas.size()));
  const int64_t fewest = s.server.options().min_replicas_to_write;
  if (fewest > 0) AddField(out, "min_slaves_good_slaves", Text(replication.good_replicas()));
  for (size_t i = 0; i < replicas.size(); ++i) {
    const Replication::Replica& replica = replicas[i];
    AddField(out, "slave" + std::to_string(i),
             "ip=" + replica.host + ",port=" + std::to_string(replica.port) +
                 ",state=" + std::string(FeedStateName(replica.state)) + ",offset=" + Text(replica.acknowledged) +
                 ",lag=" + std::to_string(replica.lag_seconds));
  }
  const cluster::History history = replication.history();
  const bool has_earlier = !history.earlier().empty();
  AddField(out, "master_failover_state", "no-failover");
  AddField(out, "master_replid", history.id());
  AddField(out, "master_replid2", has_earlier ? history.earlier().back().id : std::string(40, '0'));
  AddField(out, "master_repl_offset", Text(s.server.store().log().appended()));
  AddField(out, "second_repl_offset", has_earlier ? Text(history.earlier().back().last + 1) : "-1");
  AddField(out, "repl_epoch", Text(replication.epoch()));
  const storage::Backlog& backlog = replication.backlog();
  const bool is_active = replication.has_backlog();
  AddField(out, "repl_backlog_active", Text(is_active ? 1 : 0));
  AddField(out, "repl_backlog_size", OptionOf(s, "repl-backlog-size"));
  AddField(out, "repl_backlog_first_byte_offset", Text(is_active ? backlog.first() : 0));
  AddField(out, "repl_backlog_histlen", Text(is_active ? backlog.bytes() : 0));
}

void AddCommandStatistics(const Observation& s, std::string* out) {
  for (size_t i = 0; i < s.server.commands().size(); ++i) {
    const CommandEntry& entry = s.server.commands().entry(i);
    const CommandTotals totals = TotalsOf(s.server, entry);
    if (totals.calls == 0 && totals.rejected == 0) continue;
    const uint64_t microseconds = totals.nanoseconds / 1000;
    const double each =
        totals.calls > 0 ? static_cast<double>(totals.nanoseconds) / 1000.0 / static_cast<double>(totals.calls) : 0;
    *out += "cmdstat_" + entry.full_name + ":calls=" + Text(totals.calls) + ",usec=" + Text(microseconds) +
            ",usec_per_call=" + Fixed(each, 2) + ",rejected_calls=" + Text(totals.rejected) +
            ",failed_calls=" + Text(totals.failed) + "\r\n";
  }
}

void AddErrorStatistics(const Observation& s, std::string* out) {
  for (const auto& [code, count] : s.errors) *out += "errorstat_" + code + ":count=" + Text(count) + "\r\n";
}

void AddLatencyStatistics(const Observation& s, std::string* out) {
  std::vector<std::string> percentiles;
  std::istringstream words(s.server.options().latency_tracking_info_percentiles.Get());
  for (std::string word; words >> word;) percentiles.push_back(word);
  for (size_t i = 0; i < s.server.commands().size(); ++i) {
    const CommandEntry& entry = s.server.commands().entry(i);
    const CommandTotals totals = TotalsOf(s.server, entry);
    if (totals.histogram.empty()) continue;
    *out += "latency_percentiles_usec_" + entry.full_name + ":";
    for (size_t p = 0; p < percentiles.size(); ++p) {
      const uint64_t nanoseconds = totals.Percentile(std::strtod(percentiles[p].c_str(), nullptr));
      *out += (p > 0 ? ",p" : "p") + percentiles[p] + "=" + Fixed(static_cast<double>(nanoseconds) / 1000, 3);
    }
    *out += "\r\n";
  }
}

void AddKeyspace(const Observation& s, std::string* out) {
  for (const auto& [db, size] : s.memory.databases) {
    *out += "db" + Text(db) + ":keys=" + Text(size.keys) + ",expires=" + Text(size.volatile_keys) +
            ",avg_ttl=" + std::to_string(size.AverageTtl(s.now_ms)) + "\r\n";
  }
}

void AddKeyIndexes(const Observation& s, std::string* out) {
  *out += "key_index:" + OptionOf(s, "key-index") + "\r\n";
  for (const storage::Direction direction : storage::kBothDirections) {
    const storage::IndexReport report = ReportIndexes(s.txn, direction);
    const bool is_wanted = s.server.store().index_policy().IsWanted(direction, s.steady_ms);
    const std::string state = !is_wanted ? "off" : report.ready < report.tables ? "building" : "ready";
    *out += std::string(direction == storage::Direction::kForward ? "prefix" : "suffix") + "_index:state=" + state +
            ",keys=" + Text(report.keys) + ",bytes=" + Text(report.bytes) +
            ",searches=" + Text(s.server.store().index_policy().answered(direction)) + "\r\n";
  }
}

struct Section {
  std::string_view name;
  std::string_view title;
  bool is_default;
  void (*add)(const Observation&, std::string*);  // null: the rows of kFields
};

constexpr Section kSections[] = {
    {"server", "Server", true, nullptr},
    {"clients", "Clients", true, nullptr},
    {"memory", "Memory", true, nullptr},
    {"persistence", "Persistence", true, nullptr},
    {"stats", "Stats", true, nullptr},
    {"replication", "Replication", true, AddReplication},
    {"cpu", "CPU", true, nullptr},
    {"modules", "Modules", true, nullptr},
    {"commandstats", "Commandstats", false, AddCommandStatistics},
    {"errorstats", "Errorstats", true, AddErrorStatistics},
    {"latencystats", "Latencystats", false, AddLatencyStatistics},
    {"cluster", "Cluster", true, nullptr},
    {"keyspace", "Keyspace", true, AddKeyspace},
    {"keyindex", "Keyindex", true, AddKeyIndexes},
};

bool IsAsked(const Section& section, const std::vector<std::string_view>& asked) {
  if (asked.empty()) return section.is_default;
  return std::any_of(asked.begin(), asked.end(), [&](std::string_view word) {
    if (EqualsIgnoringCase(word, "all") || EqualsIgnoringCase(word, "everything")) return true;
    if (EqualsIgnoringCase(word, "default")) return section.is_default;
    return EqualsIgnoringCase(word, section.name);
  });
}

}  // namespace

std::string InfoPage(Server& server, storage::Txn& txn, const std::vector<std::string_view>& sections) {
  const Observation observation(server, txn);
  std::string page;
  for (const Section& section : kSections) {
    if (!IsAsked(section, sections)) continue;
    if (!page.empty()) page += "\r\n";
    page += "# " + std::string(section.title) + "\r\n";
    if (section.add != nullptr) {
      section.add(observation, &page);
      continue;
    }
    for (const Field& field : kFields) {
      if (field.section != section.name) continue;
      AddField(&page, field.name, field.value(observation));
    }
  }
  return page;
}

}  // namespace ringkv::server
