// SPDX-License-Identifier: MIT
#include "server/config/option_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "resp/integer_text.h"
#include "server/command/arguments.h"
#include "server/config/file_limit.h"
#include "server/config/save_points.h"
#include "server/pubsub/key_events.h"
#include "storage/prefix_usage.h"

namespace ringkv::server {
namespace {

int ClientClassOf(std::string_view word) {
  if (EqualsIgnoringCase(word, "normal")) return 0;
  if (EqualsIgnoringCase(word, "replica") || EqualsIgnoringCase(word, "slave")) return 1;
  if (EqualsIgnoringCase(word, "pubsub")) return 2;
  return -1;
}

std::string CheckOutputLimits(std::string_view value) {
  const std::vector<std::string_view> words = Words(value);
  if (words.empty() || words.size() % 4 != 0) {
    return "Wrong number of arguments in buffer limit configuration.";
  }
  for (size_t i = 0; i < words.size(); i += 4) {
    if (ClientClassOf(words[i]) < 0) return "Invalid client class specified in buffer limit configuration.";
    const std::optional<int64_t> seconds = resp::ParseInteger(words[i + 3]);
    if (!ParseMemory(words[i + 1]) || !ParseMemory(words[i + 2]) || !seconds || *seconds < 0) {
      return "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    }
  }
  return {};
}

std::string CheckEvents(std::string_view value) {
  if (EventMask::Parse(value)) return "";
  return "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
}

std::string CheckHosts(std::string_view value) {
  constexpr std::string_view kOfNames = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  for (const std::string_view word : Words(value)) {
    if (word == "*" || word.find_first_not_of(kOfNames) == std::string_view::npos) continue;
    return "a host is a name without a scheme and a port, .name for all below it, or *";
  }
  return {};
}

std::string CheckPercentiles(std::string_view value) {
  for (const std::string_view word : Words(value)) {
    double percentile = -1;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), percentile);
    if (error != std::errc() || end != word.data() + word.size() || std::isnan(percentile)) {
      return "Invalid latency-tracking-info-percentiles parameters";
    }
    if (percentile < 0 || percentile > 100) {
      return "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
    }
  }
  return {};
}

std::string CheckPrefixes(std::string_view value) {
  return Words(value).size() <= storage::PrefixList::kMostPrefixes ? "" : "at most 16 prefixes can be counted";
}

std::string CheckSavePoints(std::string_view value) { return ParseSavePoints(value) ? "" : "Invalid save parameters"; }

std::string CheckFileName(std::string_view value) {
  if (value.empty()) return "it can't be empty";
  return value.find('/') == std::string_view::npos ? "" : "it can't be a path, just a file name";
}

std::string CheckPeer(std::string_view value) {
  const std::vector<std::string_view> words = Words(value);
  if (words.empty()) return {};
  const std::optional<int64_t> port = words.size() == 2 ? resp::ParseInteger(words[1]) : std::nullopt;
  return port && *port > 0 && *port <= 65535 ? "" : "it takes a host and a port, such as '10.0.0.1 6379'";
}

std::string CheckHost(std::string_view value) {
  const bool is_one_word = std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c <= '~'; });
  return is_one_word ? "" : "it takes an address or a host name";
}

std::string ObtainFiles(const Options& options, std::string_view value) {
  const int64_t clients = *resp::ParseInteger(value);
  const int64_t carried = RaiseFileLimit(clients, options.io_threads);
  if (carried == clients) return {};
  return "The operating system is not able to handle the specified number of clients, try with " +
         std::to_string(carried);
}

constexpr int64_t kMostInt = INT32_MAX;

constexpr OptionRow kOptionRows[] = {
    {.name = "port",
     .kind = OptionKind::kInteger,
     .default_value = "6379",
     .least = 0,
     .most = 65535,
     .summary = "TCP port; 0 lets the system choose a free one, which the ready line names.",
     .field = &Options::port},
    {.name = "bind",
     .kind = OptionKind::kText,
     .default_value = "* -::*",
     .is_list = true,
     .summary = "Addresses to listen on, separated by spaces; * is every IPv4, ::* every IPv6 one. A - in front: "
                "go on without it when it is not there.",
     .field = &Options::bind},
    {.name = "http-port",
     .kind = OptionKind::kInteger,
     .default_value = "0",
     .least = 0,
     .most = 65535,
     .summary = "TCP port for HTTP: keys, search, metrics, health; 0 for none.",
     .field = &Options::http_port},
    {.name = "http-bind",
     .kind = OptionKind::kText,
     .default_value = "",
     .is_list = true,
     .summary = "Addresses to listen on for HTTP, as in 'bind'; empty for the same.",
     .field = &Options::http_bind},
    {.name = "http-allowed-hosts",
     .kind = OptionKind::kText,
     .default_value = "",
     .changeable = true,
     .summary = "Names, separated by spaces, by which HTTP requests may ask for this server while no password is set, "
                "besides addresses, localhost and the nodes of the cluster; .name for all below it, * for any.",
     .field = &Options::http_allowed_hosts,
     .check = CheckHosts},
    {.name = "http-timeout",
     .kind = OptionKind::kInteger,
     .default_value = "30",
     .least = 1,
     .most = kMostInt,
     .changeable = true,
     .summary = "Seconds within which an HTTP request must have come, or a response be read on; a body may take a "
                "second more for each 64,000 bytes.",
     .field = &Options::http_timeout},
    {.name = "http-keepalive-timeout",
     .kind = OptionKind::kInteger,
     .default_value = "300",
     .least = 1,
     .most = kMostInt,
     .changeable = true,
     .summary = "Seconds after which an HTTP connection is closed that asks for nothing.",
     .field = &Options::http_keepalive_timeout},
    {.name = "http-max-head-size",
     .kind = OptionKind::kMemory,
     .default_value = "16384",
     .least = 1024,
     .most = 1 << 20,
     .changeable = true,
     .summary = "Most bytes of an HTTP request's address and header lines.",
     .field = &Options::http_max_head_size},
    {.name = "http-max-body-size",
     .kind = OptionKind::kMemory,
     .default_value = "67108864",
     .least = 1024,
     .most = int64_t{1} << 40,
     .changeable = true,
     .summary = "Most bytes of a value that HTTP stores.",
     .field = &Options::http_max_body_size},
    {.name = "http-max-json-size",
     .kind = OptionKind::kMemory,
     .default_value = "4194304",
     .least = 1024,
     .most = 1 << 30,
     .changeable = true,
     .summary = "Most bytes of a JSON document or a form; it is read in one go.",
     .field = &Options::http_max_json_size},
    {.name = "http-max-batch-keys",
     .kind = OptionKind::kInteger,
     .default_value = "10000",
     .least = 1,
     .most = 1'000'000,
     .changeable = true,
     .summary = "Most keys that a request to /mget or /mset over HTTP may name.",
     .field = &Options::http_max_batch_keys},
    {.name = "http-max-response-size",
     .kind = OptionKind::kMemory,
     .default_value = "268435456",
     .least = 1024,
     .most = int64_t{1} << 40,
     .changeable = true,
     .summary = "Most bytes of values, in JSON, that a request to /mget or /search over HTTP is answered with.",
     .field = &Options::http_max_response_size},
    {.name = "http-max-search-keys",
     .kind = OptionKind::kInteger,
     .default_value = "10000",
     .least = 1,
     .most = 1'000'000,
     .changeable = true,
     .summary = "Most keys that one search over HTTP may ask for.",
     .field = &Options::http_max_search_keys},
    {.name = "protected-mode",
     .kind = OptionKind::kBoolean,
     .default_value = "yes",
     .changeable = true,
     .summary = "Without a password, lets only clients of this machine in.",
     .field = &Options::protected_mode},
    {.name = "unixsocket",
     .kind = OptionKind::kText,
     .default_value = "",
     .summary = "Path of a Unix socket to listen on; empty for none.",
     .field = &Options::unixsocket},
    {.name = "unixsocketperm",
     .kind = OptionKind::kOctal,
     .default_value = "0",
     .least = 0,
     .most = 0777,
     .summary = "Permissions of the Unix socket, octal; 0 leaves what the umask gives.",
     .field = &Options::unixsocketperm},
    {.name = "tcp-backlog",
     .kind = OptionKind::kInteger,
     .default_value = "511",
     .least = 1,
     .most = kMostInt,
     .summary = "Connections that may wait to be accepted.",
     .field = &Options::tcp_backlog},
    {.name = "tcp-keepalive",
     .kind = OptionKind::kInteger,
     .default_value = "300",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Seconds between probes of a silent peer; 0 sends none.",
     .field = &Options::tcp_keepalive},
    {.name = "timeout",
     .kind = OptionKind::kInteger,
     .default_value = "0",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Seconds after which a silent client is closed; 0 never.",
     .field = &Options::timeout},
    {.name = "maxclients",
     .kind = OptionKind::kInteger,
     .default_value = "10000",
     .least = 1,
     .most = UINT32_MAX,
     .changeable = true,
     .summary = "Most clients connected at a time.",
     .field = &Options::maxclients,
     .obtain = ObtainFiles},
    {.name = "requirepass",
     .kind = OptionKind::kText,
     .default_value = "",
     .changeable = true,
     .is_secret = true,
     .summary = "Password that clients must give by AUTH or HELLO; empty for none.",
     .field = &Options::requirepass},
    {.name = "io-threads",
     .kind = OptionKind::kInteger,
     .default_value = "1",
     .least = 1,
     .most = 128,
     .summary = "Threads that serve clients; each connection lives on one of them.",
     .field = &Options::io_threads},
    {.name = "gather-microseconds",
     .kind = OptionKind::kInteger,
     .default_value = "40",
     .least = 0,
     .most = 1000,
     .changeable = true,
     .summary =
         "Pause of a thread before it sleeps, in which requests gather, while many clients are active; 0 for none.",
     .field = &Options::gather_microseconds},
    {.name = "databases",
     .kind = OptionKind::kInteger,
     .default_value = "16",
     .least = 1,
     .most = 1024,
     .summary = "How many databases SELECT can choose from.",
     .field = &Options::databases},
    {.name = "hz",
     .kind = OptionKind::kInteger,
     .default_value = "10",
     .least = 1,
     .most = 500,
     .changeable = true,
     .summary = "How many times a second clients are checked for time-outs and expired keys are looked for.",
     .field = &Options::hz},
    {.name = "daemonize",
     .kind = OptionKind::kBoolean,
     .default_value = "no",
     .summary = "Goes on in the background.",
     .field = &Options::daemonize},
    {.name = "pidfile",
     .kind = OptionKind::kText,
     .default_value = "",
     .summary = "File for the process number; empty for none (in the background: /var/run/ringkv.pid).",
     .field = &Options::pidfile},
    {.name = "dir",
     .kind = OptionKind::kText,
     .default_value = "",
     .summary = "Working directory; empty stays where the server was started.",
     .field = &Options::dir},
    {.name = "logfile",
     .kind = OptionKind::kText,
     .default_value = "",
     .summary = "File for log lines, reopened on SIGHUP; empty writes to standard output.",
     .field = &Options::logfile},
    {.name = "loglevel",
     .kind = OptionKind::kChoice,
     .default_value = "notice",
     .choices = "debug verbose notice warning",
     .changeable = true,
     .summary = "The least important lines shown.",
     .field = &Options::loglevel},
    {.name = "maxmemory",
     .kind = OptionKind::kMemory,
     .default_value = "0",
     .changeable = true,
     .summary = "Memory from which on keys are evicted or writes refused; 0 sets no limit.",
     .field = &Options::maxmemory},
    {.name = "maxmemory-clients",
     .kind = OptionKind::kMemory,
     .default_value = "0",
     .changeable = true,
     .takes_percent = true,
     .summary = "Memory that all clients together may take, or how many percent of maxmemory (5%); beyond, those that "
                "take the most are closed. 0 sets no limit.",
     .field = &Options::maxmemory_clients},
    {.name = "maxmemory-policy",
     .kind = OptionKind::kChoice,
     .default_value = "noeviction",
     .choices = "volatile-lru volatile-lfu volatile-random volatile-ttl allkeys-lru allkeys-lfu allkeys-random "
                "noeviction",
     .changeable = true,
     .summary = "Which keys go when memory has reached its limit.",
     .field = &Options::maxmemory_policy},
    {.name = "maxmemory-samples",
     .kind = OptionKind::kInteger,
     .default_value = "5",
     .least = 1,
     .most = 64,
     .changeable = true,
     .summary = "Keys looked at for each one that is evicted.",
     .field = &Options::maxmemory_samples},
    {.name = "lfu-log-factor",
     .kind = OptionKind::kInteger,
     .default_value = "10",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "How slowly the counter of uses grows.",
     .field = &Options::lfu_log_factor},
    {.name = "lfu-decay-time",
     .kind = OptionKind::kInteger,
     .default_value = "1",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Minutes after which the counter of uses loses one.",
     .field = &Options::lfu_decay_time},
    {.name = "hash-max-listpack-entries",
     .kind = OptionKind::kInteger,
     .default_value = "128",
     .alias = "hash-max-ziplist-entries",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Fields up to which a hash is packed.",
     .field = &Options::hash_max_listpack_entries},
    {.name = "hash-max-listpack-value",
     .kind = OptionKind::kInteger,
     .default_value = "64",
     .alias = "hash-max-ziplist-value",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Bytes of its longest field or value up to which a hash is packed.",
     .field = &Options::hash_max_listpack_value},
    {.name = "list-compress-depth",
     .kind = OptionKind::kInteger,
     .default_value = "2",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Chunks at each end of a list that are never compressed; 0 compresses none.",
     .field = &Options::list_compress_depth},
    {.name = "list-max-listpack-size",
     .kind = OptionKind::kInteger,
     .default_value = "-2",
     .alias = "list-max-ziplist-size",
     .least = -5,
     .most = kMostInt,
     .changeable = true,
     .summary = "Elements in a chunk of a list; below zero its bytes: -1 for 4 kB, -2 for 8 kB, up to -5 for 64 kB.",
     .field = &Options::list_max_listpack_size},
    {.name = "set-max-intset-entries",
     .kind = OptionKind::kInteger,
     .default_value = "512",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Members up to which a set of integers is packed.",
     .field = &Options::set_max_intset_entries},
    {.name = "set-max-listpack-entries",
     .kind = OptionKind::kInteger,
     .default_value = "128",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Members up to which a set is packed.",
     .field = &Options::set_max_listpack_entries},
    {.name = "set-max-listpack-value",
     .kind = OptionKind::kInteger,
     .default_value = "64",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Bytes of its longest member up to which a set is packed.",
     .field = &Options::set_max_listpack_value},
    {.name = "zset-max-listpack-entries",
     .kind = OptionKind::kInteger,
     .default_value = "128",
     .alias = "zset-max-ziplist-entries",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Members up to which a sorted set is packed.",
     .field = &Options::zset_max_listpack_entries},
    {.name = "zset-max-listpack-value",
     .kind = OptionKind::kInteger,
     .default_value = "64",
     .alias = "zset-max-ziplist-value",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Bytes of its longest member up to which a sorted set is packed.",
     .field = &Options::zset_max_listpack_value},
    {.name = "hll-sparse-max-bytes",
     .kind = OptionKind::kMemory,
     .default_value = "3000",
     .least = 0,
     .changeable = true,
     .summary = "Bytes up to which a HyperLogLog is kept as runs of registers.",
     .field = &Options::hll_sparse_max_bytes},
    {.name = "stream-node-max-bytes",
     .kind = OptionKind::kMemory,
     .default_value = "4096",
     .least = 0,
     .changeable = true,
     .summary = "Bytes of a block of a stream's entries; 0 leaves it to the number of entries.",
     .field = &Options::stream_node_max_bytes},
    {.name = "stream-node-max-entries",
     .kind = OptionKind::kInteger,
     .default_value = "100",
     .least = 0,
     .changeable = true,
     .summary = "Entries in a block of a stream; 0 leaves it to their bytes.",
     .field = &Options::stream_node_max_entries},
    {.name = "slowlog-log-slower-than",
     .kind = OptionKind::kInteger,
     .default_value = "10000",
     .least = -1,
     .changeable = true,
     .summary = "Microseconds from which on a command is noted; -1 notes none.",
     .field = &Options::slowlog_log_slower_than},
    {.name = "slowlog-max-len",
     .kind = OptionKind::kInteger,
     .default_value = "128",
     .least = 0,
     .most = 1'000'000,
     .changeable = true,
     .summary = "How many slow commands are remembered.",
     .field = &Options::slowlog_max_len},
    {.name = "latency-monitor-threshold",
     .kind = OptionKind::kInteger,
     .default_value = "0",
     .least = 0,
     .changeable = true,
     .summary = "Milliseconds from which on LATENCY notes an event; 0 notes none.",
     .field = &Options::latency_monitor_threshold},
    {.name = "latency-tracking",
     .kind = OptionKind::kBoolean,
     .default_value = "yes",
     .changeable = true,
     .summary = "Keeps a latency histogram for each command.",
     .field = &Options::latency_tracking},
    {.name = "notify-keyspace-events",
     .kind = OptionKind::kText,
     .default_value = "",
     .changeable = true,
     .summary = "Events of keys that subscribers are told of: letters for kinds (A: all), K and E for the channels.",
     .field = &Options::notify_keyspace_events,
     .check = CheckEvents,
     .normalized = [](std::string_view value) { return EventMask::Parse(value).value_or(EventMask()).Letters(); }},
    {.name = "latency-tracking-info-percentiles",
     .kind = OptionKind::kText,
     .default_value = "50 99 99.9",
     .changeable = true,
     .is_list = true,
     .summary = "Percentiles that INFO latencystats shows.",
     .field = &Options::latency_tracking_info_percentiles,
     .check = CheckPercentiles},
    {.name = "client-query-buffer-limit",
     .kind = OptionKind::kMemory,
     .default_value = "1gb",
     .least = 1024 * 1024,
     .changeable = true,
     .summary = "Bytes of unexecuted input at which a client is closed.",
     .field = &Options::client_query_buffer_limit},
    {.name = "client-output-buffer-limit",
     .kind = OptionKind::kText,
     .default_value = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
     .changeable = true,
     .is_list = true,
     .summary = "Class, hard limit, soft limit and seconds: bytes of unread replies at which a client is closed.",
     .field = &Options::client_output_buffer_limit,
     .check = CheckOutputLimits},
    {.name = "client-output-pause-bytes",
     .kind = OptionKind::kMemory,
     .default_value = "1mb",
     .least = 1024,
     .changeable = true,
     .summary = "Bytes of unread replies from which on a client's further commands wait until it reads, or until they "
                "take more memory than the replies.",
     .field = &Options::client_output_pause_bytes},
    {.name = "pubsub-max-subscriptions",
     .kind = OptionKind::kInteger,
     .default_value = "100000",
     .least = 1,
     .most = kMostInt,
     .changeable = true,
     .summary = "Most channels that one client may subscribe to; likewise patterns, and shard channels.",
     .field = &Options::pubsub_max_subscriptions},
    {.name = "proto-max-bulk-len",
     .kind = OptionKind::kMemory,
     .default_value = "512mb",
     .least = 1024 * 1024,
     .most = 0xffffffff,
     .changeable = true,
     .summary = "Longest single argument and longest string value.",
     .field = &Options::proto_max_bulk_len},
    {.name = "enable-debug-command",
     .kind = OptionKind::kChoice,
     .default_value = "no",
     .choices = "no yes local",
     .summary = "Who may use DEBUG; local: clients of this machine.",
     .field = &Options::enable_debug_command},
    {.name = "save",
     .kind = OptionKind::kText,
     .default_value = "3600 1 300 100 60 10000",
     .changeable = true,
     .is_list = true,
     .accumulates = true,
     .summary = "Pairs of seconds and changes: a snapshot is made when so many changes are older than that; \"\" for "
                "none.",
     .field = &Options::save,
     .check = CheckSavePoints},
    {.name = "dbfilename",
     .kind = OptionKind::kText,
     .default_value = "dump.rkv",
     .summary = "Name of the snapshot in dir.",
     .field = &Options::dbfilename,
     .check = CheckFileName},
    {.name = "snapshot-compression-level",
     .kind = OptionKind::kInteger,
     .default_value = "1",
     .least = 0,
     .most = 19,
     .changeable = true,
     .summary = "Level of zstd for snapshots: higher is smaller and slower; 0 stores without compression.",
     .field = &Options::snapshot_compression_level},
    {.name = "snapshot-threads",
     .kind = OptionKind::kInteger,
     .default_value = "1",
     .least = 1,
     .most = 64,
     .changeable = true,
     .summary = "Threads that make a snapshot, and at least so many that load one.",
     .field = &Options::snapshot_threads},
    {.name = "stop-writes-on-bgsave-error",
     .kind = OptionKind::kBoolean,
     .default_value = "yes",
     .changeable = true,
     .summary = "Refuses writes while save points are set and the last snapshot failed.",
     .field = &Options::stop_writes_on_bgsave_error},
    {.name = "appendonly",
     .kind = OptionKind::kBoolean,
     .default_value = "no",
     .changeable = true,
     .summary = "Keeps a log of every change.",
     .field = &Options::appendonly},
    {.name = "appenddirname",
     .kind = OptionKind::kText,
     .default_value = "appendonlydir",
     .summary = "Name of the log's directory in dir.",
     .field = &Options::appenddirname,
     .check = CheckFileName},
    {.name = "appendfsync",
     .kind = OptionKind::kChoice,
     .default_value = "everysec",
     .choices = "everysec always no",
     .changeable = true,
     .summary = "When the log is synced to the disk. always: before anybody sees an effect; everysec: each second; no: "
                "when the system likes, and when 16 MB wait.",
     .field = &Options::appendfsync},
    {.name = "auto-aof-rewrite-percentage",
     .kind = OptionKind::kInteger,
     .default_value = "100",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "A snapshot lets old log files go when the log behind the last one has grown to this share of it; 0 "
                "never.",
     .field = &Options::auto_aof_rewrite_percentage},
    {.name = "auto-aof-rewrite-min-size",
     .kind = OptionKind::kMemory,
     .default_value = "64mb",
     .changeable = true,
     .summary = "But not before snapshot and log together have this size.",
     .field = &Options::auto_aof_rewrite_min_size},
    {.name = "log-file-size",
     .kind = OptionKind::kMemory,
     .default_value = "64mb",
     .least = 4096,
     .summary = "Bytes at which a log file is followed by the next.",
     .field = &Options::log_file_size},
    {.name = "log-buffer-limit",
     .kind = OptionKind::kMemory,
     .default_value = "64mb",
     .least = 1024 * 1024,
     .changeable = true,
     .summary = "Bytes of changes that may wait for a slow disk; beyond, writes wait.",
     .field = &Options::log_buffer_limit},
    {.name = "recover-up-to-damage",
     .kind = OptionKind::kBoolean,
     .default_value = "no",
     .summary = "Starts with what is good before damage in the log or the snapshot, and sets the damaged files aside.",
     .field = &Options::recover_up_to_damage},
    {.name = "read-only",
     .kind = OptionKind::kBoolean,
     .default_value = "no",
     .changeable = true,
     .summary = "Refuses writes of clients.",
     .field = &Options::read_only},
    {.name = "load-file",
     .kind = OptionKind::kText,
     .default_value = "",
     .summary = "File with a line \"<key> <value>\" for each key to start with.",
     .field = &Options::load_file},
    {.name = "load-rdb",
     .kind = OptionKind::kText,
     .default_value = "",
     .summary = "An RDB file of Redis whose strings are taken over at the start, if there is no data yet.",
     .field = &Options::load_rdb},
    {.name = "key-index",
     .kind = OptionKind::kChoice,
     .default_value = "auto",
     .choices = "auto always off",
     .changeable = true,
     .summary =
         "Indexes of keys for searches by prefix and by suffix. auto: each from the first search that gains from "
         "it until key-index-idle.",
     .field = &Options::key_index},
    {.name = "key-index-idle",
     .kind = OptionKind::kInteger,
     .default_value = "600",
     .least = 1,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Seconds without use after which an index is dropped (key-index auto).",
     .field = &Options::key_index_idle},
    {.name = "load-file-strict",
     .kind = OptionKind::kBoolean,
     .default_value = "yes",
     .summary = "A bad line in the load-file ends the start; no: it is skipped and counted.",
     .field = &Options::load_file_strict},
    {.name = "cluster-enabled",
     .kind = OptionKind::kBoolean,
     .default_value = "no",
     .summary = "This server is a node of a cluster, which cluster-config lists.",
     .field = &Options::cluster_enabled},
    {.name = "cluster-config",
     .kind = OptionKind::kText,
     .default_value = "",
     .summary = "File that lists the cluster: its epoch, shards with their weights, and nodes. CLUSTER RELOAD reads it "
                "again.",
     .field = &Options::cluster_config},
    {.name = "cluster-node-id",
     .kind = OptionKind::kText,
     .default_value = "",
     .summary = "Which node of cluster-config this one is, by its name there; empty: the only one with this port.",
     .field = &Options::cluster_node_id},
    {.name = "cluster-redirect",
     .kind = OptionKind::kChoice,
     .default_value = "moved",
     .choices = "moved proxy",
     .changeable = true,
     .summary = "What a node does with a request for another one's slot: answers MOVED, or passes it on and the reply "
                "back, for clients and load balancers that know no cluster.",
     .field = &Options::cluster_redirect},
    {.name = "cluster-read-from-replica",
     .kind = OptionKind::kBoolean,
     .default_value = "no",
     .changeable = true,
     .summary = "When the primary of a slot can't be reached, a replica answers reads, whoever asks.",
     .field = &Options::cluster_read_from_replica},
    {.name = "cluster-node-timeout",
     .kind = OptionKind::kInteger,
     .default_value = "15000",
     .least = 10,
     .most = kMostInt,
     .changeable = true,
     .summary = "Milliseconds that another node may be silent with a request that was passed on to it.",
     .field = &Options::cluster_node_timeout},
    {.name = "cluster-proxy-max-parts",
     .kind = OptionKind::kInteger,
     .default_value = "100000",
     .least = 1,
     .most = kMostInt,
     .changeable = true,
     .summary = "How many keys of different slots one request may have that is passed on.",
     .field = &Options::cluster_proxy_max_parts},
    {.name = "replicaof",
     .kind = OptionKind::kText,
     .default_value = "",
     .alias = "slaveof",
     .is_list = true,
     .summary = "Host and port of the primary whose replica this server is; empty for none. REPLICAOF changes it.",
     .field = &Options::replicaof,
     .check = CheckPeer},
    {.name = "migrate-from",
     .kind = OptionKind::kText,
     .default_value = "",
     .is_list = true,
     .summary =
         "Host and port of a Redis server, version 6 to 7, whose data is taken over and followed until REPLICAOF "
         "NO ONE; empty for none. The directory must be empty at first. masteruser and masterauth count for it.",
     .field = &Options::migrate_from,
     .check = CheckPeer},
    {.name = "masteruser",
     .kind = OptionKind::kText,
     .default_value = "",
     .changeable = true,
     .is_secret = true,
     .summary = "User that a replica names to its primary, with masterauth; empty for the default one.",
     .field = &Options::masteruser},
    {.name = "masterauth",
     .kind = OptionKind::kText,
     .default_value = "",
     .changeable = true,
     .is_secret = true,
     .summary = "Password that a replica gives to its primary; empty for none.",
     .field = &Options::masterauth},
    {.name = "replica-read-only",
     .kind = OptionKind::kBoolean,
     .default_value = "yes",
     .alias = "slave-read-only",
     .changeable = true,
     .summary = "A replica refuses writes. With no, what its clients write stays there, unlogged, until a snapshot "
                "comes from the primary.",
     .field = &Options::replica_read_only},
    {.name = "replica-serve-stale-data",
     .kind = OptionKind::kBoolean,
     .default_value = "yes",
     .alias = "slave-serve-stale-data",
     .changeable = true,
     .summary = "A replica answers although the link to its primary is down.",
     .field = &Options::replica_serve_stale_data},
    {.name = "replica-announce-ip",
     .kind = OptionKind::kText,
     .default_value = "",
     .alias = "slave-announce-ip",
     .changeable = true,
     .summary = "Address that a replica tells its primary; empty for the one that it is seen at.",
     .field = &Options::replica_announce_ip,
     .check = CheckHost},
    {.name = "replica-announce-port",
     .kind = OptionKind::kInteger,
     .default_value = "0",
     .alias = "slave-announce-port",
     .least = 0,
     .most = 65535,
     .changeable = true,
     .summary = "Port that a replica tells its primary; 0 for its own.",
     .field = &Options::replica_announce_port},
    {.name = "repl-backlog-size",
     .kind = OptionKind::kMemory,
     .default_value = "16mb",
     .least = 16 * 1024,
     .changeable = true,
     .summary = "Bytes of newest changes kept in memory for replicas, once there has been one. What is older is read "
                "from the log's files.",
     .field = &Options::repl_backlog_size},
    {.name = "repl-backlog-ttl",
     .kind = OptionKind::kInteger,
     .default_value = "3600",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Seconds without a replica after which a primary gives the backlog back; 0 never.",
     .field = &Options::repl_backlog_ttl},
    {.name = "repl-timeout",
     .kind = OptionKind::kInteger,
     .default_value = "60",
     .least = 1,
     .most = kMostInt,
     .changeable = true,
     .summary = "Seconds of silence after which the link between primary and replica is given up.",
     .field = &Options::repl_timeout},
    {.name = "repl-max-replicas",
     .kind = OptionKind::kInteger,
     .default_value = "32",
     .least = 0,
     .most = 1024,
     .changeable = true,
     .summary = "Most replicas at a time; each has a thread.",
     .field = &Options::repl_max_replicas},
    {.name = "repl-ack",
     .kind = OptionKind::kChoice,
     .default_value = "none",
     .choices = "none quorum",
     .changeable = true,
     .summary = "With quorum a write is answered when a majority of its shard has it.",
     .field = &Options::repl_ack},
    {.name = "repl-ack-timeout",
     .kind = OptionKind::kInteger,
     .default_value = "1000",
     .least = 1,
     .most = kMostInt,
     .changeable = true,
     .summary = "Milliseconds after which a write that waits for a majority is answered with an error: its outcome is "
                "open then.",
     .field = &Options::repl_ack_timeout},
    {.name = "repl-shard-nodes",
     .kind = OptionKind::kInteger,
     .default_value = "0",
     .least = 0,
     .most = 1024,
     .changeable = true,
     .summary = "Nodes that a majority is counted of, this one included. 0: in a cluster those of the shard, else this "
                "one and the most replicas that have been there at a time since repl-ack was none.",
     .field = &Options::repl_shard_nodes},
    {.name = "ready-max-lag",
     .kind = OptionKind::kInteger,
     .default_value = "10000",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary =
         "Milliseconds that a replica may be behind its primary and still be called ready by /readyz; 0: however "
         "many.",
     .field = &Options::ready_max_lag},
    {.name = "shutdown-drain",
     .kind = OptionKind::kInteger,
     .default_value = "0",
     .least = 0,
     .most = 3600,
     .changeable = true,
     .summary =
         "Seconds between SIGTERM and the end in which everything is served still, but /readyz and INFO say that "
         "this server drains, so that load balancers turn to others. A second SIGTERM ends it at once.",
     .field = &Options::shutdown_drain},
    {.name = "metrics-prefix",
     .kind = OptionKind::kText,
     .default_value = "",
     .is_list = true,
     .summary = "Prefixes of keys, separated by spaces, for each of which /metrics tells keys, bytes, reads, hits and "
                "writes; up to 16.",
     .field = &Options::metrics_prefix,
     .check = CheckPrefixes},
    {.name = "shutdown-timeout",
     .kind = OptionKind::kInteger,
     .default_value = "10",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Seconds that a primary waits at its end for replicas to get what they haven't got; 0 doesn't wait.",
     .field = &Options::shutdown_timeout},
    {.name = "min-replicas-to-write",
     .kind = OptionKind::kInteger,
     .default_value = "0",
     .alias = "min-slaves-to-write",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Writes are refused while fewer replicas are there and in time; 0 for no such rule.",
     .field = &Options::min_replicas_to_write},
    {.name = "min-replicas-max-lag",
     .kind = OptionKind::kInteger,
     .default_value = "10",
     .alias = "min-slaves-max-lag",
     .least = 0,
     .most = kMostInt,
     .changeable = true,
     .summary = "Seconds since a replica was heard of, up to which it counts as in time.",
     .field = &Options::min_replicas_max_lag},
};

std::optional<int> ChoiceIndex(const OptionRow& row, std::string_view value) {
  const std::vector<std::string_view> choices = Words(row.choices);
  for (size_t i = 0; i < choices.size(); ++i) {
    if (EqualsIgnoringCase(choices[i], value)) return static_cast<int>(i);
  }
  return std::nullopt;
}

std::optional<int64_t> ParseOctal(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "5%" as -5; nothing if it is none.
std::optional<int64_t> ParsePercent(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  const std::optional<int64_t> number = resp::ParseInteger(text.substr(0, text.size() - 1));
  return number && *number >= 0 ? std::optional<int64_t>(-*number) : std::nullopt;
}

// The number a value stands for, whatever the kind; nothing if it is none.
std::optional<int64_t> NumberOf(const OptionRow& row, std::string_view value) {
  switch (row.kind) {
    case OptionKind::kInteger: return resp::ParseInteger(value);
    case OptionKind::kOctal: return ParseOctal(value);
    case OptionKind::kMemory:
      if (const std::optional<int64_t> percent = ParsePercent(value); percent && row.takes_percent) return percent;
      return ParseMemory(value);
    case OptionKind::kBoolean:
      if (EqualsIgnoringCase(value, "yes")) return 1;
      if (EqualsIgnoringCase(value, "no")) return 0;
      return std::nullopt;
    case OptionKind::kChoice: {
      const std::optional<int> index = ChoiceIndex(row, value);
      return index ? std::optional<int64_t>(*index) : std::nullopt;
    }
    case OptionKind::kText: break;
  }
  return std::nullopt;
}

std::string JoinedChoices(const OptionRow& row) {
  std::string joined;
  for (const std::string_view choice : Words(row.choices)) {
    if (!joined.empty()) joined += ", ";
    joined += choice;
  }
  return joined;
}

std::string RangeError(const OptionRow& row) {
  return "argument must be between " + std::to_string(row.least) + " and " + std::to_string(row.most) + " inclusive";
}

// Sets the classes named in `value` and leaves the others.
void SetOutputLimits(Options& options, std::string_view value) {
  const std::vector<std::string_view> words = Words(value);
  for (size_t i = 0; i + 3 < words.size(); i += 4) {
    OutputLimit& limit = options.output_limits[static_cast<size_t>(ClientClassOf(words[i]))];
    limit.hard_bytes = *ParseMemory(words[i + 1]);
    limit.soft_bytes = *ParseMemory(words[i + 2]);
    limit.soft_seconds = *resp::ParseInteger(words[i + 3]);
  }
  std::string text;
  static constexpr std::string_view kNames[] = {"normal", "slave", "pubsub"};
  for (size_t i = 0; i < 3; ++i) {
    const OutputLimit& limit = options.output_limits[i];
    if (i > 0) text += ' ';
    text += std::string(kNames[i]) + " " + std::to_string(limit.hard_bytes) + " " + std::to_string(limit.soft_bytes) +
            " " + std::to_string(limit.soft_seconds);
  }
  options.client_output_buffer_limit.Set(text);
}

}  // namespace

std::span<const OptionRow> OptionRows() { return kOptionRows; }

const OptionRow* FindOption(std::string_view name) {
  for (const OptionRow& row : kOptionRows) {
    if (EqualsIgnoringCase(row.name, name) || (!row.alias.empty() && EqualsIgnoringCase(row.alias, name))) return &row;
  }
  return nullptr;
}

void SetDefaults(Options& options) {
  for (const OptionRow& row : kOptionRows) SetOption(options, row, row.default_value);
}

std::string OptionValue(const Options& options, const OptionRow& row) {
  if (const auto* text = std::get_if<SharedText Options::*>(&row.field)) {
    const std::string value = (options.*(*text)).Get();
    return row.normalized != nullptr ? row.normalized(value) : value;
  }
  const int64_t number = options.*std::get<SharedNumber Options::*>(row.field);
  switch (row.kind) {
    case OptionKind::kBoolean: return number != 0 ? "yes" : "no";
    case OptionKind::kChoice: return std::string(Words(row.choices)[static_cast<size_t>(number)]);
    case OptionKind::kOctal: {
      char digits[24];
      const auto end = std::to_chars(digits, digits + sizeof digits, number, 8).ptr;
      return std::string(digits, end);
    }
    case OptionKind::kMemory: return number < 0 ? std::to_string(-number) + "%" : std::to_string(number);
    default: return std::to_string(number);
  }
}

std::optional<std::string> CheckOption(const OptionRow& row, std::string_view value) {
  if (row.check != nullptr) {
    const std::string wrong = row.check(value);
    if (!wrong.empty()) return wrong;
  }
  if (row.kind == OptionKind::kText) {
    const bool is_cut = !row.is_secret && value.find('\0') != std::string_view::npos;
    return is_cut ? std::optional<std::string>("argument can't hold a NUL byte") : std::nullopt;
  }
  const std::optional<int64_t> number = NumberOf(row, value);
  if (!number) {
    switch (row.kind) {
      case OptionKind::kBoolean: return "argument must be 'yes' or 'no'";
      case OptionKind::kChoice: return "argument(s) must be one of the following: " + JoinedChoices(row);
      case OptionKind::kMemory:
        return row.takes_percent ? "argument must be a memory or percent value" : "argument must be a memory value";
      case OptionKind::kOctal: return "argument couldn't be parsed into an integer";
      default: return "argument couldn't be parsed into an integer";
    }
  }
  if (row.takes_percent && *number < 0) {
    if (*number < -100) return "percentage argument must be less or equal to 100";
    return std::nullopt;
  }
  if (*number < row.least || *number > row.most) return RangeError(row);
  return std::nullopt;
}

void SetOption(Options& options, const OptionRow& row, std::string_view value) {
  if (row.field == std::variant<SharedNumber Options::*, SharedText Options::*>(&Options::client_output_buffer_limit)) {
    SetOutputLimits(options, value);
  } else if (const auto* text = std::get_if<SharedText Options::*>(&row.field)) {
    (options.*(*text)).Set(std::string(value));
  } else {
    options.*std::get<SharedNumber Options::*>(row.field) = *NumberOf(row, value);
  }
}

std::optional<int64_t> ParseMemory(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  const std::string_view unit = text.substr(digits);
  int64_t factor = 0;
  if (unit.empty() || EqualsIgnoringCase(unit, "b")) factor = 1;
  if (EqualsIgnoringCase(unit, "k")) factor = 1000;
  if (EqualsIgnoringCase(unit, "kb")) factor = 1024;
  if (EqualsIgnoringCase(unit, "m")) factor = 1000 * 1000;
  if (EqualsIgnoringCase(unit, "mb")) factor = 1024 * 1024;
  if (EqualsIgnoringCase(unit, "g")) factor = 1000 * 1000 * 1000;
  if (EqualsIgnoringCase(unit, "gb")) factor = int64_t{1024} * 1024 * 1024;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, number);
  if (digits == 0 || factor == 0 || error != std::errc() || number > INT64_MAX / factor) return std::nullopt;
  return number * factor;
}

}  // namespace ringkv::server
