// SPDX-License-Identifier: MIT
// Options of Redis that have nothing to act on here, by what they would act on there. Names, types, ranges and defaults
// are those of redis-server, so that its configurations can be used; a summary says how it is here.
#include "server/options/option_topics.h"
#include "server/options/row_shapes.h"

namespace ringkv::server {
namespace {

constexpr int64_t kAny = INT64_MAX;

constexpr OptionRow Switch(std::string_view name, std::string_view initial, std::string_view summary,
                           std::string_view alias = {}) {
  return {.name = name,
          .type = OptionType::kBoolean,
          .default_value = initial,
          .alias = alias,
          .changeable = true,
          .summary = summary};
}

constexpr OptionRow Number(std::string_view name, std::string_view initial, int64_t least, int64_t most,
                           std::string_view summary, std::string_view alias = {}) {
  return {.name = name,
          .type = OptionType::kInteger,
          .default_value = initial,
          .alias = alias,
          .least = least,
          .most = most,
          .changeable = true,
          .summary = summary};
}

constexpr OptionRow Choice(std::string_view name, std::string_view initial, std::string_view choices,
                           std::string_view summary) {
  return {.name = name,
          .type = OptionType::kChoice,
          .default_value = initial,
          .choices = choices,
          .changeable = true,
          .summary = summary};
}

constexpr OptionRow Text(std::string_view name, std::string_view initial, std::string_view summary) {
  return {.name = name, .type = OptionType::kText, .default_value = initial, .changeable = true, .summary = summary};
}

constexpr std::string_view kFreedInBackground =
    "Large values are always freed in the background, whatever deleted them.";
constexpr std::string_view kNoDefragmentation = "There is no active defragmentation.";
constexpr std::string_view kNoFailover = "Replicas are promoted by CLUSTER RELOAD or REPLICAOF NO ONE only.";
constexpr std::string_view kNoBus = "Nodes have no second port: links between them use the port of clients.";

constexpr OptionRow kIdleOptions[] = {
    // Threads, memory, start.
    AtTheStart(Switch("io-threads-do-reads", "no", "I/O threads always read and write.")),
    AtTheStart(Switch("always-show-logo", "no", "There is no logo.")),
    Switch("activerehashing", "yes", "Tables grow in small steps as keys are written; there is no rehashing to do."),
    Switch("dynamic-hz", "yes", "Periodic tasks cost next to nothing for idle clients."),
    Switch("jemalloc-bg-thread", "yes", "Memory is given back to the system without it."),
    Switch("lazyfree-lazy-eviction", "no", kFreedInBackground),
    Switch("lazyfree-lazy-expire", "no", kFreedInBackground),
    Switch("lazyfree-lazy-server-del", "no", kFreedInBackground),
    Switch("lazyfree-lazy-user-del", "no", kFreedInBackground),
    Switch("lazyfree-lazy-user-flush", "no", kFreedInBackground),
    Number("maxmemory-eviction-tenacity", "10", 0, 100,
           "A command evicts until there is room, in slices between which other clients are served."),
    Number("active-defrag-cycle-min", "1", 1, 99, kNoDefragmentation),
    Number("active-defrag-cycle-max", "25", 1, 99, kNoDefragmentation),
    Number("active-defrag-threshold-lower", "10", 0, 1000, kNoDefragmentation),
    Number("active-defrag-threshold-upper", "100", 0, 1000, kNoDefragmentation),
    Number("active-defrag-max-scan-fields", "1000", 1, kAny, kNoDefragmentation),
    Bytes(Number("active-defrag-ignore-bytes", "104857600", 1, kAny, kNoDefragmentation)),
    Switch("crash-memcheck-enabled", "yes", "Memory is not tested after a crash; memtester(8) does that."),
    Text("ignore-warnings", "", "There is no check of the kernel at the start whose warning could be ignored."),
    Number("max-new-connections-per-cycle", "10", 1, 1000, "Up to 64 connections are accepted in a row."),
    Number("max-new-tls-connections-per-cycle", "1", 1, 1000,
           "Handshakes take half a millisecond of a round at most, but one step."),
    Number("prefetch-batch-max-size", "16", 0, 128, "The keys of all requests that have arrived are prefetched."),
    Switch("hide-user-data-from-log", "no", "Log lines never contain keys and values."),
    Switch("extended-redis-compatibility", "no", "Replies always name redis_version and no other server."),
    // Snapshots and log.
    Switch("rdbcompression", "yes", "Snapshots are compressed as snapshot-compression-level says."),
    AtTheStart(Switch("rdbchecksum", "yes", "Snapshots and the log always have checksums.")),
    Switch("rdb-del-sync-files", "no", "A full sync makes no file."),
    Switch("rdb-save-incremental-fsync", "yes", "Snapshots are always synced as they are written."),
    Switch("aof-rewrite-incremental-fsync", "yes", "Snapshots are always synced as they are written."),
    Switch("no-appendfsync-on-rewrite", "no", "The log is synced as appendfsync says, also while a snapshot is made."),
    Switch("aof-use-rdb-preamble", "yes", "The log always continues a snapshot."),
    Switch("aof-disable-auto-gc", "no", "Log files that a snapshot covers are removed."),
    Switch("aof-timestamp-enabled", "no", "The log always tells times: ringkv-check --recover-to goes back to one."),
    Choice("sanitize-dump-payload", "no", "no yes clients", "DUMP payloads and RDB files are always checked in full."),
    Choice("rdb-version-check", "strict", "strict relaxed", "RDB files up to version 12 are loaded."),
    // Replication.
    Switch("repl-diskless-sync", "yes", "A full sync is always sent from memory."),
    Number("repl-diskless-sync-delay", "5", 0, INT32_MAX, "A full sync begins at once, for each replica by itself."),
    Number("repl-diskless-sync-max-replicas", "0", 0, INT32_MAX,
           "A full sync begins at once, for each replica by itself."),
    Choice("repl-diskless-load", "disabled", "disabled on-empty-db swapdb",
           "A replica always loads a full sync as it arrives."),
    Switch("repl-disable-tcp-nodelay", "no", "Changes are sent in batches without a delay."),
    Switch("replica-lazy-flush", "no", kFreedInBackground, "slave-lazy-flush"),
    Switch("replica-ignore-disk-write-errors", "no",
           "A replica whose disk fails keeps its data in memory, says so and tries again."),
    Choice("propagation-error-behavior", "ignore", "ignore panic panic-on-replicas",
           "A replica that can't apply a change gets all data anew."),
    Switch("dual-channel-replication-enabled", "no", "Changes during a full sync wait in the backlog of the primary."),
    // Cluster.
    AtTheStart(Text("cluster-config-file", "nodes.conf",
                    "The cluster stands in cluster-config, and what a node knows in files of its directory.")),
    AtTheStart(Number("cluster-port", "0", 0, 65535, kNoBus)),
    Number("cluster-announce-bus-port", "0", 0, 65535, kNoBus),
    Bytes(Number("cluster-link-sendbuf-limit", "0", 0, kAny, kNoBus)),
    Switch("cluster-replica-no-failover", "no", kNoFailover, "cluster-slave-no-failover"),
    Number("cluster-replica-validity-factor", "10", 0, INT32_MAX, kNoFailover, "cluster-slave-validity-factor"),
    Number("cluster-migration-barrier", "1", 0, INT32_MAX, "The cluster-config says which shard a replica belongs to."),
    Switch("cluster-allow-replica-migration", "yes", "The cluster-config says which shard a replica belongs to."),
    Text("cluster-announce-human-nodename", "", "Log lines name nodes as the cluster-config does."),
    Number("cluster-manual-failover-timeout", "5000", 1, INT32_MAX, kNoFailover),
};

}  // namespace

std::span<const OptionRow> IdleOptions() { return kIdleOptions; }

}  // namespace ringkv::server
