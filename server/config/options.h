// SPDX-License-Identifier: MIT
// The values of all options. Their names, bounds and meanings are the rows in server/options/.
//
// Threads: atomic for numbers; guarded for texts.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "server/base/shared_text.h"
#include "server/config/kept_values.h"
#include "server/config/shared_tls.h"

namespace ringkv::server {

using SharedNumber = std::atomic<int64_t>;

enum class ClientClass : uint8_t { kNormal = 0, kReplica = 1, kPubSub = 2 };

struct OutputLimit {
  SharedNumber hard_bytes{0};
  SharedNumber soft_bytes{0};
  SharedNumber soft_seconds{0};
};

// A line `rename-command`; an empty name removes the command.
struct CommandRename {
  std::string from;
  std::string to;
  std::string where;  // the place of the line, for errors
};

// A line `user`: a name and its rules.
struct UserDirective {
  std::string name;
  std::vector<std::string> rules;
  std::string where;  // the place of the line, for errors
};

struct Options {
  SharedNumber port;
  SharedText bind;
  SharedNumber http_port;
  SharedText http_bind;
  SharedText http_allowed_hosts;
  SharedText http_open_paths;
  SharedNumber http_timeout;            // seconds
  SharedNumber http_keepalive_timeout;  // seconds
  SharedNumber http_max_head_size;
  SharedNumber http_max_body_size;
  SharedNumber http_max_json_size;
  SharedNumber http_max_batch_keys;
  SharedNumber http_max_response_size;
  SharedNumber http_max_search_keys;
  SharedNumber http_tls;
  SharedNumber http_console;  // a ConsoleMode
  SharedNumber tls_port;
  SharedText tls_cert_file;
  SharedText tls_key_file;
  SharedText tls_key_file_pass;
  SharedText tls_client_cert_file;
  SharedText tls_client_key_file;
  SharedText tls_client_key_file_pass;
  SharedText tls_dh_params_file;
  SharedText tls_ca_cert_file;
  SharedText tls_ca_cert_dir;
  SharedText tls_protocols;
  SharedText tls_ciphers;
  SharedText tls_ciphersuites;
  SharedNumber tls_auth_clients;  // transport::ClientCertificates
  SharedNumber tls_prefer_server_ciphers;
  SharedNumber tls_session_caching;
  SharedNumber tls_session_cache_size;
  SharedNumber tls_session_cache_timeout;  // seconds
  SharedNumber tls_handshake_timeout;      // seconds
  SharedNumber tls_replication;
  SharedNumber tls_cluster;
  SharedNumber protected_mode;
  SharedText unixsocket;
  SharedNumber unixsocketperm;
  SharedNumber tcp_backlog;
  SharedNumber tcp_keepalive;
  SharedNumber timeout;
  SharedNumber maxclients;
  SharedText requirepass;
  SharedText aclfile;
  SharedNumber acllog_max_len;
  SharedNumber acl_pubsub_default;    // of ChannelDefault
  SharedNumber busy_reply_threshold;  // milliseconds
  SharedNumber script_memory_limit;
  SharedNumber scripts_memory_limit;
  SharedNumber io_threads;
  SharedNumber adapts_io_threads;  // io-threads auto: so many of them serve as the load needs
  SharedNumber gather_microseconds;
  SharedNumber databases;
  SharedNumber hz;
  SharedNumber daemonize;
  SharedText pidfile;
  SharedText dir;
  SharedText logfile;
  SharedNumber supervised;  // SupervisedBy
  SharedNumber set_proc_title;
  SharedText proc_title_template;
  SharedNumber syslog_enabled;
  SharedText syslog_ident;
  SharedNumber syslog_facility;
  SharedNumber crash_log_enabled;
  SharedNumber disable_thp;
  SharedNumber huge_pages;
  SharedNumber oom_score_adj;  // OomScoreMode
  SharedText oom_score_adj_values;
  SharedText server_cpulist;
  SharedText bio_cpulist;
  SharedText aof_rewrite_cpulist;
  SharedText bgsave_cpulist;
  SharedNumber socket_mark_id;
  SharedText bind_source_addr;
  SharedNumber active_expire_effort;
  SharedNumber loglevel;
  SharedNumber maxmemory;
  SharedNumber maxmemory_clients;  // below zero: a percentage of maxmemory
  SharedNumber maxmemory_policy;
  SharedNumber maxmemory_samples;
  SharedNumber lfu_log_factor;
  SharedNumber lfu_decay_time;
  SharedNumber hash_max_listpack_entries;
  SharedNumber hash_max_listpack_value;
  SharedNumber list_compress_depth;
  SharedNumber list_max_listpack_size;
  SharedNumber set_max_intset_entries;
  SharedNumber set_max_listpack_entries;
  SharedNumber set_max_listpack_value;
  SharedNumber zset_max_listpack_entries;
  SharedNumber zset_max_listpack_value;
  SharedNumber hll_sparse_max_bytes;
  SharedNumber stream_node_max_bytes;
  SharedNumber stream_node_max_entries;
  SharedNumber slowlog_log_slower_than;
  SharedNumber slowlog_max_len;
  SharedNumber commandlog_request_larger_than;
  SharedNumber commandlog_large_request_max_len;
  SharedNumber commandlog_reply_larger_than;
  SharedNumber commandlog_large_reply_max_len;
  SharedNumber latency_monitor_threshold;
  SharedNumber latency_tracking;
  SharedText notify_keyspace_events;
  SharedText latency_tracking_info_percentiles;
  SharedNumber client_query_buffer_limit;
  SharedText client_output_buffer_limit;
  SharedNumber client_output_pause_bytes;
  SharedNumber proto_max_bulk_len;
  SharedNumber pubsub_max_subscriptions;
  SharedNumber tracking_table_max_keys;
  SharedNumber enable_debug_command;
  SharedText save;
  SharedText dbfilename;
  SharedNumber snapshot_compression_level;
  SharedNumber snapshot_threads;
  SharedNumber stop_writes_on_bgsave_error;
  SharedNumber appendonly;
  SharedText appenddirname;
  SharedNumber appendfsync;
  SharedNumber auto_aof_rewrite_percentage;
  SharedNumber auto_aof_rewrite_min_size;
  SharedNumber log_file_size;
  SharedNumber log_buffer_limit;
  SharedNumber recover_up_to_damage;
  SharedNumber aof_load_truncated;
  SharedNumber read_only;
  SharedText load_file;
  SharedText load_rdb;
  SharedText load_aof;
  SharedText appendfilename;
  SharedNumber key_index;
  SharedNumber key_index_idle;
  SharedNumber load_file_strict;
  SharedNumber cluster_enabled;
  SharedText cluster_config;
  SharedText cluster_node_id;
  SharedNumber cluster_redirect;
  SharedNumber cluster_preferred_endpoint_type;  // EndpointType
  SharedNumber cluster_read_from_replica;
  SharedNumber cluster_require_full_coverage;
  SharedNumber cluster_allow_reads_when_down;
  SharedNumber cluster_allow_pubsubshard_when_down;
  SharedText cluster_announce_ip;
  SharedText cluster_announce_hostname;
  SharedNumber cluster_slot_stats_enabled;
  SharedText availability_zone;
  SharedNumber cluster_announce_port;
  SharedNumber cluster_announce_tls_port;
  SharedNumber cluster_node_timeout;  // milliseconds
  SharedNumber cluster_proxy_max_parts;
  SharedText replicaof;
  SharedText migrate_from;
  SharedText masteruser;
  SharedText masterauth;
  SharedNumber replica_read_only;
  SharedNumber import_mode;
  SharedNumber replica_serve_stale_data;
  SharedText replica_announce_ip;
  SharedNumber replica_announce_port;
  SharedNumber replica_announced;
  SharedNumber replica_priority;
  SharedText sentinel_master_name;
  SharedNumber sentinel_down_after_milliseconds;
  SharedNumber repl_backlog_size;
  SharedNumber repl_backlog_ttl;
  SharedNumber repl_timeout;
  SharedNumber repl_ping_replica_period;
  SharedNumber repl_max_replicas;
  SharedNumber repl_ack;
  SharedNumber repl_ack_timeout;
  SharedNumber repl_shard_nodes;
  SharedNumber failover_forward_time;  // seconds
  SharedNumber repl_max_lag;           // milliseconds
  SharedText coordinator;
  SharedText shard;
  SharedText coordinator_user;
  SharedText coordinator_password;
  SharedText coordinator_ca_cert_file;
  SharedText coordinator_cert_file;
  SharedText coordinator_key_file;
  SharedNumber coordinator_ttl;          // seconds
  SharedNumber coordinator_min_in_sync;  // nodes
  SharedNumber shutdown_timeout;
  SharedText shutdown_on_sigint;
  SharedText shutdown_on_sigterm;
  SharedNumber shutdown_drain;  // seconds
  SharedNumber ready_max_lag;   // milliseconds
  SharedText metrics_prefix;
  SharedNumber min_replicas_to_write;
  SharedNumber min_replicas_max_lag;

  // Set before threads run.
  std::vector<CommandRename> renamed_commands;
  std::vector<UserDirective> users;
  // Of options that nothing here uses, by name.
  KeptValues kept;

  // Derived from the options tls-*.
  SharedTls tls;
  // Derived from client_output_buffer_limit, indexed by ClientClass.
  std::array<OutputLimit, 3> output_limits;
};

enum class SupervisedBy : uint8_t { kNone, kUpstart, kSystemd, kAuto };
enum class EndpointType : uint8_t { kIp, kHostname, kUnknown };
enum class DebugCommand : uint8_t { kNo, kYes, kLocal };
enum class ConsoleMode : uint8_t { kNo, kYes, kReadOnly };

}  // namespace ringkv::server
