// SPDX-License-Identifier: MIT
// The parts of a running server: options, data, commands, clients, housekeeping. It knows no sockets: connections call
// Execute (server/execution/execution.h), and the server reaches them through ClientLinks.
//
// Threads: each part says its own rule; the members here are atomic or set before threads run.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "server/base/client_links.h"
#include "server/base/key_fence.h"
#include "server/base/late_links.h"
#include "server/base/late_shard_place.h"
#include "server/base/long_holds.h"
#include "server/base/needs.h"
#include "server/base/pause.h"
#include "server/base/world.h"
#include "server/command/command_table.h"
#include "server/config/options.h"
#include "server/coordinator/coordinator_thread.h"
#include "server/data/data_keeper.h"
#include "server/data/key_changes.h"
#include "server/data/shutdown.h"
#include "server/execution/execution_parts.h"
#include "server/execution/long_work.h"
#include "server/housekeeping/housekeeping.h"
#include "server/housekeeping/memory_keeper.h"
#include "server/observe/command_log.h"
#include "server/observe/latency_events.h"
#include "server/observe/log.h"
#include "server/observe/monitor.h"
#include "server/observe/tick_clock.h"
#include "server/observe/usage.h"
#include "server/options/config_rewrite.h"
#include "server/options/option_applier.h"
#include "server/process/oom_score.h"
#include "server/process/process_title.h"
#include "server/pubsub/broker.h"
#include "server/report/history.h"
#include "server/report/report_parts.h"
#include "server/scripts/scripts.h"
#include "server/sentinel/replication_state.h"
#include "server/sentinel/shard_watch.h"
#include "server/session/client_directory.h"
#include "server/session/watched_keys.h"
#include "server/tracking/tracking.h"
#include "server/users/denial_log.h"
#include "server/users/users.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class Server {
 public:
  using CommandFamilies = std::span<const std::span<const Command>>;
  // `options` and `commands` must outlive the server. `config_path` is empty when there is no file. `hash_seed`: of the
  // data set in the files, if there is one (see FindHashSeed). `http_labels`: what HTTP requests are counted by.
  Server(Options& options, World world, CommandFamilies commands, HttpLabels http_labels, std::string config_path,
         uint64_t hash_seed);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // `links` must outlive the server's use.
  void Start(ClientLinks& links);
  // Clients are told LOADING in between; `data().Open` is called there.
  void BeginLoading();
  // Starts the background threads.
  void EndLoading();
  // Call after EndLoading: starts what follows other servers, and what other nodes ask for. An error ends the start.
  storage::Status StartLinks();
  // Ends the threads and closes the log. An error is that of the log.
  storage::Status Stop();

  Shutdown& shutdown() { return shutdown_; }
  bool is_draining() const { return shutdown_.is_draining(); }

  // --- options, clock, disk, chance, commands ---
  Options& options() { return options_; }
  OptionApplier& option_applier() { return option_applier_; }
  const storage::Clock& clock() const { return world_.clock; }
  storage::FileSystem& files() { return world_.files; }
  storage::Chance& chance() { return world_.chance; }
  const std::string& config_path() const { return config_path_; }
  const std::string& run_id() const { return run_id_; }
  storage::UnixMs started_ms() const { return started_ms_; }
  int64_t started_steady_ms() const { return started_steady_ms_; }
  const CommandTable& commands() const { return commands_; }
  const TickClock& ticks() const { return ticks_; }

  // --- refusals ---
  UnmetNeeds& needs() { return needs_; }
  Pause& pause() { return pause_; }
  KeyFence& key_fence() { return key_fence_; }

  // --- data, replication, cluster ---
  DataKeeper& data() { return data_; }
  storage::Store& store() { return data_.store(); }
  storage::Durability& durability() { return data_.durability(); }
  Replication& replication() { return replication_; }
  RedisLink& redis_link() { return redis_link_; }
  KeyMigrations& key_migrations() { return key_migrations_; }
  ClusterState& cluster() { return cluster_; }
  ShardWatch& shard_watch() { return shard_watch_; }
  // Replies that depend on a later group of effects are held.
  storage::Lsn safe_lsn();
  bool waits_for_quorum() const { return quorum_term() != 0; }
  // The term in which writes wait for a majority of the shard; 0 if they don't wait.
  uint32_t quorum_term() const;
  // Whether writes of the term that still wait for a majority will not get one.
  bool HasEnded(uint32_t term) const;

  // --- clients ---
  ClientLinks& links() { return links_; }
  ClientDirectory& clients() { return clients_; }
  WatchedKeys& watched_keys() { return watched_keys_; }
  WaitingClients& waiting_clients() { return waiting_clients_; }
  Broker& broker() { return broker_; }
  KeyEvents& key_events() { return key_events_; }
  Tracking& tracking() { return tracking_; }
  ThreadState& thread(size_t index) { return *threads_[index]; }
  // Of clients.
  size_t threads() const { return (threads_.size() - LongWork::kThreads) / 2; }
  LongWork& long_work() { return long_work_; }

  // --- users ---
  Users& users() { return users_; }
  DenialLog& denials() { return denials_; }
  // Makes the users of the configuration or of the ACL file, before threads run. An error ends the start.
  storage::Status SetUpUsers();
  // Replaces all users by those of the ACL file.
  storage::Status LoadUsers();
  storage::Status SaveUsers();
  // Writes options and, without an ACL file, users to the configuration file.
  storage::Result<bool> RewriteConfig(RewriteScope scope = RewriteScope::kWhatDiffers);

  // --- scripts ---
  Scripts& scripts() { return scripts_; }

  // --- background jobs and observation ---
  Housekeeping& housekeeping() { return housekeeping_; }
  MemoryKeeper& memory() { return memory_; }
  CommandLogs& command_logs() { return command_logs_; }
  Usage& usage() { return usage_; }
  LatencyEvents& latency_events() { return latency_events_; }
  Monitor& monitor() { return monitor_; }
  History& history() { return history_; }
  Log& log() { return log_; }
  ProcessTitle& process_title() { return process_title_; }
  void ResetStatistics(storage::Txn& txn);

  // --- for lower rooms ---
  const ExecutionParts& execution_parts() const { return execution_parts_; }
  const ReportParts& report_parts() const { return report_parts_; }

 private:
  storage::Status SetUpUsersOfConfig();
  ThreadStates MakeThreads(HttpLabels http_labels);
  // Call several times per second: blocked clients, in case that what held them back has ended without a word.
  void ServeHeldBack();
  // Likewise: keeps what clients track within its limit.
  void TendTracking();

  Options& options_;
  const World world_;
  const std::string config_path_;
  storage::Mutex own_files_;  // held while the configuration file or the ACL file is replaced: one draft at a time
  const std::string run_id_;
  const storage::UnixMs started_ms_;
  const int64_t started_steady_ms_;
  const TickClock ticks_;
  const CommandTable commands_;
  Log log_;
  LateLinks links_;
  UnmetNeeds needs_;
  Pause pause_{world_.clock, needs_, links_};
  KeyFence key_fence_{needs_, links_};
  LongHolds long_holds_{needs_, links_};
  DataKeeper data_;
  WatchedKeys watched_keys_;
  Broker broker_;
  KeyEvents key_events_{broker_};
  WaitingClients waiting_clients_{data_.store()};
  Tracking tracking_;
  KeyChanges key_changes_{watched_keys_, waiting_clients_, key_events_, tracking_};
  ClientDirectory clients_;
  CommandLogs command_logs_;
  Usage usage_;
  LatencyEvents latency_events_;
  Users users_{commands_};
  DenialLog denials_;
  Monitor monitor_;
  History history_;
  ProcessTitle process_title_;
  OomScore oom_score_;
  // Of those that serve clients, then of those beside them, which run scripts, then of those for long work.
  const ThreadStates threads_;
  OptionApplier option_applier_;
  LateShardPlace shard_place_;
  Replication replication_;
  ClusterState cluster_;
  CoordinatorThread coordinator_;
  ReplicationState own_state_{replication_, data_, options_, world_.clock, run_id_};
  ShardWatch shard_watch_{{world_.clock, options_, log_, broker_, links_, own_state_}};
  MemoryKeeper memory_{options_, world_.clock, ticks_, data_.store(), latency_events_};
  Administration administration_;
  const ExecutionParts execution_parts_;
  LongWork long_work_;
  Scripts scripts_{execution_parts_, watched_keys_, std::span(threads_).subspan(threads(), threads()),
                   world_.chance.Next()};
  RedisLink redis_link_{execution_parts_, world_, watched_keys_};
  KeyMigrations key_migrations_{execution_parts_, watched_keys_, threads_};
  Shutdown shutdown_;
  Housekeeping housekeeping_;
  const ReportParts report_parts_;
};

}  // namespace ringkv::server
