// SPDX-License-Identifier: MIT
// The store and its durability, from loading at the start to the final snapshot.
//
// Threads: each part states its rule; the members here are atomic or set before threads run.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <utility>

#include "server/base/client_links.h"
#include "server/base/needs.h"
#include "server/config/options.h"
#include "server/observe/log.h"
#include "storage/disk/file_system.h"
#include "storage/durability/durability.h"
#include "storage/keyspace/store.h"

namespace ringkv::server {

class DataKeeper {
 public:
  // All references must outlive the object. `hash_seed`: of the data set in the files, if there is one (see
  // FindHashSeed). It is a source of `needs`.
  DataKeeper(const Options& options, const storage::Clock& clock, storage::FileSystem& files, Log& log,
             UnmetNeeds& needs, ClientLinks& links, uint64_t hash_seed);

  storage::Store& store() { return store_; }
  storage::Durability& durability() { return durability_; }
  // The files of the data set, from the options.
  static storage::DataFiles FilesOf(const Options& options);

  // Clients get LOADING from BeginLoading until EndLoading. In between, in any thread: Open recovers the data from the
  // files, or calls `fill` if there is none.
  void BeginLoading();
  storage::Status Open(const storage::Durability::Fill& fill);
  void EndLoading();
  // While it loads: since when, and how far it is.
  struct Loading {
    storage::UnixMs started = 0;
    int64_t started_steady = 0;
    storage::RecoveryProgress progress;
  };
  const Loading& loading() const { return loading_; }
  // For what `fill` loads from other files.
  void NoteLoaded(uint64_t bytes, uint64_t total_bytes);
  bool is_loading() const { return is_loading_.load(std::memory_order_relaxed); }

  // The same during a full sync from a primary. `tell` is called at each change.
  void SetReplacing(bool replacing);
  bool is_replacing() const { return is_replacing_.load(std::memory_order_relaxed); }
  void set_on_replacing(std::function<void(bool)> tell) { on_replacing_ = std::move(tell); }

  // Applies appendonly: starts or ends the log; after loading, if data is being loaded.
  void FitLog();
  // Call several times per second: starts due snapshots, and delays writes while the disk is too slow.
  void Tick();

  // What has been changed so far becomes durable by the log's policy, and soon if that leaves it to the system.
  void HastenLog();
  // On how many disks of this server, 0 or 1, the log has the group.
  size_t CountDurable(storage::Lsn lsn) {
    return durability_.log().is_open() && durability_.log().durable() >= lsn ? 1 : 0;
  }

  // Whether SHUTDOWN without arguments saves.
  bool SavesAtEnd() const { return !options_.save.Get().empty(); }
  // The final snapshot, if `save` is set or the log needs it.
  storage::Status SaveAtEnd(bool save);
  // Whether data would be lost without that.
  bool NeedsSnapshotAtEnd(bool save);
  // Ends the threads and closes the log.
  storage::Status Close();

 private:
  uint32_t Unmet();
  std::string CpuListOf(storage::Durability::ThreadRole role) const;
  // The log has failed, or does so no more.
  void NoteLogHealth();
  bool SnapshotsFail();
  bool IsSnapshotDue();
  void SaveIfEmptied();
  void SaveIfDue();
  void RewriteLogIfDue();
  void WatchLogRoom();

  const Options& options_;
  const storage::Clock& clock_;
  Log& log_;
  UnmetNeeds& needs_;
  ClientLinks& links_;
  storage::Store store_;
  storage::Durability durability_;
  std::function<void(bool)> on_replacing_ = [](bool) {};
  Loading loading_;  // the times are set before threads see `is_loading_`
  std::atomic<bool> is_loading_{false};
  std::atomic<bool> is_replacing_{false};
  std::atomic<bool> log_is_full_{false};
};

}  // namespace ringkv::server
