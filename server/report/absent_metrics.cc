// SPDX-License-Identifier: MIT
// Fields of INFO for what RingKV does not have: forks, modules, defragmentation, a cluster
// bus. Their true value never changes, and tools expect the fields.
#include "server/report/metric_table.h"

namespace ringkv::server {
namespace {

constexpr Metric Zero(std::string_view section, std::string_view info) {
  return {.section = section, .info = info, .read = Always<"0">};
}

constexpr Metric kAbsentMetrics[] = {
    // No revision is compiled in; redis-server says the same of a build outside of its repository.
    {.section = "server", .info = "redis_git_sha1", .read = Always<"00000000">},
    Zero("server", "redis_git_dirty"),
    {.section = "server", .info = "atomicvar_api", .read = Always<"c++20-atomic">},
    Zero("clients", "cluster_connections"),

    Zero("memory", "mem_cluster_links"),
    Zero("memory", "active_defrag_running"),

    // Snapshots fork no process, so nothing is copied on write.
    Zero("persistence", "async_loading"),
    Zero("persistence", "current_cow_peak"),
    Zero("persistence", "current_cow_size"),
    Zero("persistence", "current_cow_size_age"),
    {.section = "persistence", .info = "current_fork_perc", .read = Always<"0.00">},
    Zero("persistence", "rdb_last_cow_size"),
    Zero("persistence", "rdb_last_load_keys_expired"),
    Zero("persistence", "aof_last_cow_size"),
    Zero("persistence", "module_fork_in_progress"),
    Zero("persistence", "module_fork_last_cow_size"),
    // No write waits for a sync of appendfsync everysec.
    {.section = "persistence", .info = "aof_pending_bio_fsync", .read = Always<"0">, .is_shown = HasLog},
    {.section = "persistence", .info = "aof_delayed_fsync", .read = Always<"0">, .is_shown = HasLog},

    // A pass of active expiry leaves no expired key behind.
    {.section = "stats", .info = "expired_stale_perc", .read = Always<"0.00">},
    Zero("stats", "latest_fork_usec"),
    Zero("stats", "total_forks"),
    Zero("stats", "slave_expires_tracked_keys"),
    Zero("stats", "active_defrag_hits"),
    Zero("stats", "active_defrag_misses"),
    Zero("stats", "active_defrag_key_hits"),
    Zero("stats", "active_defrag_key_misses"),
    Zero("stats", "total_active_defrag_time"),
    Zero("stats", "current_active_defrag_time"),
    Zero("stats", "unexpected_error_replies"),
    Zero("stats", "dump_payload_sanitizations"),

    {.section = "cpu", .info = "used_cpu_sys_children", .read = Always<"0.000000">},
    {.section = "cpu", .info = "used_cpu_user_children", .read = Always<"0.000000">},
};

}  // namespace

std::span<const Metric> AbsentMetrics() { return kAbsentMetrics; }

}  // namespace ringkv::server
