// SPDX-License-Identifier: MIT
// The parts of a running server and how they hang together: options, store, commands, clients, observation. It knows
// no sockets; those reach it through Dispatch and are reached through ClientLinks.
//
// Threads: each part says its own rule; the members here are atomic or set before threads run.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/client_links.h"
#include "server/command/command_table.h"
#include "server/config/options.h"
#include "server/key_changes.h"
#include "server/observe/latency_events.h"
#include "server/observe/log.h"
#include "server/observe/monitor.h"
#include "server/observe/slow_log.h"
#include "server/observe/tick_clock.h"
#include "server/pubsub/broker.h"
#include "server/replication/replication.h"
#include "server/session/client_directory.h"
#include "server/session/watched_keys.h"
#include "server/thread_state.h"
#include "storage/durability.h"
#include "storage/keyspace/eviction.h"
#include "storage/posix/posix_file_system.h"
#include "storage/store.h"

namespace ringkv::server {

class ClusterState;

enum class PauseMode : uint8_t { kWrites, kAll };

class Server {
 public:
  // `options` and `clock` must outlive the server. `config_path` is empty when there is no file. `hash_seed`: of the
  // data set in the working directory, if there is one (see FindHashSeed).
  Server(Options& options, const storage::Clock& clock, std::string config_path, uint64_t hash_seed);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Starts the background threads; `links` must outlive the server's use.
  void Start(ClientLinks& links);
  // Ends them and closes the log. Says what went wrong with that.
  storage::Status Stop();

  // Clients are told LOADING from BeginLoading on, until the data is there. In between, in any thread: OpenData reads
  // what is in the working directory, or has `fill` put something in if there is nothing.
  void BeginLoading();
  storage::Status OpenData(const storage::Durability::Fill& fill);
  void EndLoading();
  bool is_loading() const { return is_loading_.load(std::memory_order_relaxed); }
  // Likewise while a primary's snapshot takes the place of the data.
  void SetReplacing(bool replacing);
  // From now on whoever spreads requests over servers is told to send none here; they are served all the same.
  void StartDraining() { is_draining_ = true; }
  bool is_draining() const { return is_draining_.load(std::memory_order_relaxed); }
  bool is_replacing() const { return is_replacing_.load(std::memory_order_relaxed); }

  // What has to be done before the end: writes wait from now on, replicas get what they haven't got, and a snapshot is
  // made if `save` says so. If that fails the server goes on.
  storage::Status PrepareShutdown(bool save, bool waits_for_replicas = true);
  // Whether SHUTDOWN without arguments saves.
  bool SavesAtEnd() const;

  Options& options() { return options_; }
  const storage::Clock& clock() const { return clock_; }
  storage::Store& store() { return store_; }
  storage::Durability& durability() { return durability_; }
  // Replies that depend on a later group of effects than this may not leave yet.
  storage::Lsn safe_lsn() const {
    const storage::LogWriter& log = durability_.log();
    const bool must_be_durable = log.policy() == storage::SyncPolicy::kAlways && log.is_open();
    const storage::Lsn durable = must_be_durable ? log.durable() : UINT64_MAX;
    return waits_for_quorum() ? std::min(durable, replication_->quorum_lsn()) : durable;
  }
  bool waits_for_quorum() const { return options_.repl_ack != 0 && !replication_->is_replica(); }
  Replication& replication() { return *replication_; }
  ClusterState& cluster() { return *cluster_; }
  // Returns when every thread of clients has finished what it was doing, or `give_up` becomes true. Not to be called by
  // one of them.
  void WaitForIoThreads(const std::atomic<bool>& give_up);
  const CommandTable& commands() const { return commands_; }
  const TickClock& ticks() const { return ticks_; }
  ClientDirectory& clients() { return clients_; }
  WatchedKeys& watched_keys() { return watched_keys_; }
  WaitingClients& waiting_clients() { return waiting_clients_; }
  SlowLog& slow_log() { return slow_log_; }
  LatencyEvents& latency_events() { return latency_events_; }
  Monitor& monitor() { return monitor_; }
  Broker& broker() { return broker_; }
  KeyEvents& key_events() { return key_events_; }
  Log& log() { return log_; }
  ClientLinks& links() { return *links_; }
  ThreadState& thread(size_t index) { return *threads_[index]; }
  size_t threads() const { return threads_.size(); }

  const std::string& config_path() const { return config_path_; }
  const std::string& run_id() const { return run_id_; }
  storage::UnixMs started_ms() const { return started_ms_; }
  int64_t started_steady_ms() const { return started_steady_ms_; }

  // Where the data set lies, by the options.
  static storage::DataFiles DataFilesOf(const Options& options);

  // Brings everything that depends on options up to date; called after each CONFIG SET.
  void ApplyOptions();

  // The needs that are not met now, for every session (see Need).
  uint32_t refused_now() const { return refused_now_.load(std::memory_order_relaxed); }
  // Times by the steady clock.
  void Pause(PauseMode mode, int64_t until_ms);
  void Unpause();
  // Ends a pause whose time has come. True while one holds.
  bool IsPaused(int64_t now_ms);
  // A replica that takes writes becomes one a moment after it was told to follow: who writes meanwhile waits.
  bool WillBeWritable() const;
  int64_t pause_end_ms() const { return pause_end_ms_.load(std::memory_order_relaxed); }

  // Whether keys that have expired are looked for in the background (DEBUG SET-ACTIVE-EXPIRE).
  void set_active_expiry(bool active) { active_expiry_.store(active, std::memory_order_relaxed); }

  // Evicts keys with `evictor` until memory is within maxmemory, but for no longer than about so many microseconds.
  // `txn` holds no lock.
  storage::Eviction MakeRoom(storage::Txn& txn, storage::Evictor& evictor, uint64_t most_microseconds);

  size_t peak_memory() const { return peak_memory_.load(std::memory_order_relaxed); }
  // In use when the server began to serve.
  size_t startup_memory() const { return startup_memory_; }
  void NotePeakMemory(size_t used);
  // Commands a second over the last second and a half or so, as INFO shows it; likewise bytes.
  struct Rates {
    std::atomic<uint64_t> commands{0};
    std::atomic<uint64_t> bytes_read{0};
    std::atomic<uint64_t> bytes_written{0};
  };
  const Rates& rates() const { return rates_; }
  void ResetStatistics(storage::Txn& txn);

 private:
  void RunHousekeeping();
  void BuildIndexes();
  void KeepData();
  bool IsSnapshotDue();
  bool SnapshotsFail();
  void SweepExpiredKeys();
  // True if there is more to evict.
  bool StayWithinMemory();
  void SampleRates(int64_t elapsed_ms);

  Options& options_;
  const storage::Clock& clock_;
  const std::string config_path_;
  const std::string run_id_;
  const storage::UnixMs started_ms_;
  const int64_t started_steady_ms_;
  const TickClock ticks_;
  const CommandTable commands_;
  Log log_;
  WatchedKeys watched_keys_;
  Broker broker_;
  KeyEvents key_events_{broker_};
  storage::Store store_;
  WaitingClients waiting_clients_{store_, key_events_};
  KeyChanges key_changes_{watched_keys_, waiting_clients_, key_events_};
  storage::PosixFileSystem files_;
  storage::Durability durability_;
  ClientDirectory clients_;
  SlowLog slow_log_;
  LatencyEvents latency_events_;
  Monitor monitor_;
  std::vector<std::unique_ptr<ThreadState>> threads_;
  ClientLinks* links_ = nullptr;
  const std::unique_ptr<Replication> replication_;
  const std::unique_ptr<ClusterState> cluster_;

  storage::Mutex refused_mutex_;  // who computes what is refused looks at the rest under it: the last one is right
  std::atomic<uint32_t> refused_now_{0};
  std::atomic<PauseMode> pause_mode_{PauseMode::kWrites};
  std::atomic<int64_t> pause_end_ms_{0};
  std::atomic<bool> active_expiry_{true};
  std::atomic<bool> is_loading_{false};
  std::atomic<bool> is_replacing_{false};
  std::atomic<bool> is_draining_{false};
  std::atomic<bool> log_is_full_{false};
  std::atomic<size_t> peak_memory_{0};
  size_t startup_memory_ = 0;
  Rates rates_;
  uint64_t last_commands_ = 0;
  uint64_t last_bytes_read_ = 0;
  uint64_t last_bytes_written_ = 0;

  std::thread housekeeping_;
  std::thread index_builder_;
  std::atomic<bool> stopping_{false};
};

}  // namespace ringkv::server
