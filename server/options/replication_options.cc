// SPDX-License-Identifier: MIT
// Options of primaries and replicas.
#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resp/integer_text.h"
#include "server/base/client_links.h"
#include "server/base/needs.h"
#include "server/base/text.h"
#include "server/config/has_coordinator.h"
#include "server/options/option_topics.h"
#include "storage/keyspace/store.h"

namespace ringkv::server {
namespace {

// As in REPLICAOF NO ONE.
bool IsNoOne(std::string_view value) {
  const std::vector<std::string_view> words = Words(value);
  return words.size() == 2 && EqualsIgnoringCase(words[0], "no") && EqualsIgnoringCase(words[1], "one");
}

std::string CheckPeer(std::string_view value) {
  const std::vector<std::string_view> words = Words(value);
  if (words.empty()) return {};
  const std::optional<int64_t> port = words.size() == 2 ? resp::ParseInteger(words[1]) : std::nullopt;
  return port && *port > 0 && *port <= 65535 ? "" : "it takes a host and a port, such as '10.0.0.1 6379'";
}

std::string CheckPrimary(std::string_view value) { return IsNoOne(value) ? "" : CheckPeer(value); }

void SetPrimary(Options& options, std::string_view value) {
  options.replicaof.Set(IsNoOne(value) ? "" : std::string(value));
}

std::string CheckHost(std::string_view value) {
  const bool is_one_word = std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c <= '~'; });
  return is_one_word ? "" : "it takes an address or a host name";
}

// As Sentinel takes it: the name stands between blanks and commas where nodes and clients read it.
std::string CheckMasterName(std::string_view value) {
  const bool is_name = std::all_of(value.begin(), value.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_';
  });
  return is_name ? "" : "it takes a name of letters, digits and . - _";
}

std::string KeepQuorum(const OptionParts&, const Options& options, std::string_view value) {
  return HasCoordinator(options) && value != "quorum" ? "coordinator needs repl-ack quorum" : "";
}

std::string KeepLagBounded(const OptionParts&, const Options& options, std::string_view value) {
  const bool is_needed = HasCoordinator(options) && options.repl_ack == 0;
  return is_needed && value == "0" ? "coordinator needs a repl-max-lag without repl-ack quorum" : "";
}

constexpr OptionRow kReplicationOptions[] = {
    {.name = "replicaof",
     .type = OptionType::kText,
     .default_value = "",
     .alias = "slaveof",
     .is_list = true,
     .summary = "Host and port of the primary to replicate; empty for none. REPLICAOF changes it.",
     .field = &Options::replicaof,
     .check = CheckPrimary,
     .set = SetPrimary},
    {.name = "migrate-from",
     .type = OptionType::kText,
     .default_value = "",
     .is_list = true,
     .summary = "Host and port of a Redis server, version 6 to 7, to replicate until REPLICAOF NO ONE; empty for none. "
                "The directory must be empty at first. masteruser and masterauth apply.",
     .field = &Options::migrate_from,
     .check = CheckPeer},
    {.name = "masteruser",
     .type = OptionType::kText,
     .default_value = "",
     .alias = "primaryuser",
     .changeable = true,
     .is_secret = true,
     .summary = "User that a replica authenticates as, with masterauth; empty for the default user.",
     .field = &Options::masteruser},
    {.name = "masterauth",
     .type = OptionType::kText,
     .default_value = "",
     .alias = "primaryauth",
     .changeable = true,
     .is_secret = true,
     .summary = "Password that a replica sends to its primary; empty for none.",
     .field = &Options::masterauth},
    {.name = "replica-read-only",
     .type = OptionType::kBoolean,
     .default_value = "yes",
     .alias = "slave-read-only",
     .changeable = true,
     .summary = "A replica refuses writes. With no, writes of its clients are local, not logged, and lost when a "
                "snapshot comes from the primary.",
     .field = &Options::replica_read_only,
     .apply = [](UnmetNeeds& needs, const Options&) { needs.Update(); }},
    {.name = "import-mode",
     .type = OptionType::kBoolean,
     .default_value = "no",
     .changeable = true,
     .summary =
         "What has expired is hidden and not erased, while a tool writes what another server has changed (CLIENT "
         "IMPORT-SOURCE): a later change may prolong it.",
     .field = &Options::import_mode,
     .apply = [](storage::Store& store,
                 const Options& options) { store.set_leaves_expired(options.import_mode != 0); }},
    {.name = "replica-serve-stale-data",
     .type = OptionType::kBoolean,
     .default_value = "yes",
     .alias = "slave-serve-stale-data",
     .changeable = true,
     .summary = "A replica answers requests while the link to its primary is down.",
     .field = &Options::replica_serve_stale_data,
     .apply = [](UnmetNeeds& needs, const Options&) { needs.Update(); }},
    {.name = "replica-announce-ip",
     .type = OptionType::kText,
     .default_value = "",
     .alias = "slave-announce-ip",
     .changeable = true,
     .summary = "Address that a replica announces to its primary; empty for the source address of its connection.",
     .field = &Options::replica_announce_ip,
     .check = CheckHost},
    {.name = "replica-announce-port",
     .type = OptionType::kInteger,
     .default_value = "0",
     .alias = "slave-announce-port",
     .least = 0,
     .most = 65535,
     .changeable = true,
     .summary = "Port that a replica announces to its primary; 0 for its own.",
     .field = &Options::replica_announce_port},
    {.name = "replica-announced",
     .type = OptionType::kBoolean,
     .default_value = "yes",
     .changeable = true,
     .summary = "With no, Sentinel does not list this replica to clients.",
     .field = &Options::replica_announced},
    {.name = "replica-priority",
     .type = OptionType::kInteger,
     .default_value = "100",
     .alias = "slave-priority",
     .least = 0,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Sentinel promotes the replica with the lowest priority, and none with 0.",
     .field = &Options::replica_priority},
    {.name = "sentinel-master-name",
     .type = OptionType::kText,
     .default_value = "",
     .summary =
         "Name under which this node answers clients of Sentinel: the SENTINEL commands and channels tell of its "
         "own primary and replicas. The same on all nodes of the shard; empty: SENTINEL is no command.",
     .field = &Options::sentinel_master_name,
     .check = CheckMasterName},
    {.name = "sentinel-down-after-milliseconds",
     .type = OptionType::kInteger,
     .default_value = "5000",
     .least = 1,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "With sentinel-master-name: milliseconds without an answer after which another node counts as down.",
     .field = &Options::sentinel_down_after_milliseconds},
    {.name = "repl-backlog-size",
     .type = OptionType::kMemory,
     .default_value = "16mb",
     .least = 1,
     .taken_within = {16 * 1024, INT64_MAX},
     .changeable = true,
     .summary = "Bytes of recent changes kept in memory for replicas, once there was one. Older changes are read from "
                "log files.",
     .field = &Options::repl_backlog_size},
    {.name = "repl-backlog-ttl",
     .type = OptionType::kInteger,
     .default_value = "3600",
     .least = 0,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Seconds without a replica after which a primary frees the backlog; 0 never.",
     .field = &Options::repl_backlog_ttl},
    {.name = "repl-timeout",
     .type = OptionType::kInteger,
     .default_value = "60",
     .least = 1,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Seconds of silence after which the link between primary and replica is closed.",
     .field = &Options::repl_timeout},
    {.name = "repl-ping-replica-period",
     .type = OptionType::kInteger,
     .default_value = "10",
     .alias = "repl-ping-slave-period",
     .least = 1,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Seconds between two PINGs to Redis replicas. Replicas of RingKV hear from their primary every second.",
     .field = &Options::repl_ping_replica_period},
    {.name = "repl-max-replicas",
     .type = OptionType::kInteger,
     .default_value = "32",
     .least = 0,
     .most = 1024,
     .changeable = true,
     .summary = "Maximum number of replicas; each has a thread.",
     .field = &Options::repl_max_replicas},
    {.name = "repl-ack",
     .type = OptionType::kChoice,
     .default_value = "none",
     .choices = "none quorum",
     .changeable = true,
     .summary = "quorum acknowledges a write when a majority of its shard has it.",
     .field = &Options::repl_ack,
     .obtain = KeepQuorum,
     .apply = [](ClientLinks& links, const Options&) { links.ReleaseReplies(); }},
    {.name = "repl-ack-timeout",
     .type = OptionType::kInteger,
     .default_value = "1000",
     .least = 1,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Milliseconds after which a write that waits for a majority is answered with an error; its outcome is "
                "unknown.",
     .field = &Options::repl_ack_timeout},
    {.name = "repl-max-lag",
     .type = OptionType::kInteger,
     .default_value = "0",
     .least = 0,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "With coordinator and repl-ack none: milliseconds by which a replica that may be elected is behind at "
                "most, and "
                "so about the acknowledged writes that a failover may lose. 0: repl-ack quorum is needed.",
     .field = &Options::repl_max_lag,
     .obtain = KeepLagBounded},
    {.name = "repl-shard-nodes",
     .type = OptionType::kInteger,
     .default_value = "0",
     .least = 0,
     .most = 1024,
     .changeable = true,
     .summary = "Number of nodes for the majority, including this one. 0: the nodes of the shard in a cluster, else "
                "this one and the highest number of simultaneous replicas since repl-ack was none.",
     .field = &Options::repl_shard_nodes},
    {.name = "failover-forward-time",
     .type = OptionType::kInteger,
     .default_value = "60",
     .least = 0,
     .most = 3600,
     .changeable = true,
     .summary =
         "Seconds for which a primary that has handed its role over (FAILOVER) passes requests of the clients that "
         "it had on to its successor. 0: it refuses them, as Redis does.",
     .field = &Options::failover_forward_time},
    {.name = "min-replicas-to-write",
     .type = OptionType::kInteger,
     .default_value = "0",
     .alias = "min-slaves-to-write",
     .least = 0,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Refuses writes while fewer in-sync replicas are connected; 0 disables the check.",
     .field = &Options::min_replicas_to_write,
     .apply = [](UnmetNeeds& needs, const Options&) { needs.Update(); }},
    {.name = "min-replicas-max-lag",
     .type = OptionType::kInteger,
     .default_value = "10",
     .alias = "min-slaves-max-lag",
     .least = 0,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Seconds since the last acknowledgement up to which a replica counts as in sync; 0 disables the check.",
     .field = &Options::min_replicas_max_lag,
     .apply = [](UnmetNeeds& needs, const Options&) { needs.Update(); }},
};

}  // namespace

std::span<const OptionRow> ReplicationOptions() { return kReplicationOptions; }

}  // namespace ringkv::server
