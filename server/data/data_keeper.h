// SPDX-License-Identifier: MIT
// What keeps the data: the store and its durability, from loading at the start to the last snapshot.
//
// Threads: each part says its own rule; the members here are atomic or set before threads run.
#pragma once

#include <atomic>
#include <functional>
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
  // All must outlive it. `hash_seed`: of the data set in the files, if there is one (see FindHashSeed). It is a source
  // of `needs`.
  DataKeeper(const Options& options, const storage::Clock& clock, storage::FileSystem& files, Log& log,
             UnmetNeeds& needs, ClientLinks& links, uint64_t hash_seed);

  storage::Store& store() { return store_; }
  storage::Durability& durability() { return durability_; }
  // Where the data set lies, by the options.
  static storage::DataFiles FilesOf(const Options& options);

  // Clients are told LOADING from BeginLoading on, until the data is there. In between, in any thread: Open reads what
  // is in the files, or has `fill` put something in if there is nothing.
  void BeginLoading();
  storage::Status Open(const storage::Durability::Fill& fill);
  void EndLoading();
  bool is_loading() const { return is_loading_.load(std::memory_order_relaxed); }

  // Likewise while a primary's snapshot takes the place of the data. `tell` is told of each change.
  void SetReplacing(bool replacing);
  bool is_replacing() const { return is_replacing_.load(std::memory_order_relaxed); }
  void set_on_replacing(std::function<void(bool)> tell) { on_replacing_ = std::move(tell); }

  // Begins or ends the log, as appendonly says; while the data is loaded, afterwards.
  void FitLog();
  // Some times a second: starts snapshots that are due, and lets writes wait while the disk can't keep up.
  void Tick();

  // Whether the end of the server saves without being told to.
  bool SavesAtEnd() const { return !options_.save.Get().empty(); }
  // A last snapshot, if `save` says so or the log needs it.
  storage::Status SaveAtEnd(bool save);
  // Ends the threads and closes the log.
  storage::Status Close();

 private:
  uint32_t Unmet();
  bool SnapshotsFail();
  bool IsSnapshotDue();
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
  std::atomic<bool> is_loading_{false};
  std::atomic<bool> is_replacing_{false};
  std::atomic<bool> log_is_full_{false};
};

}  // namespace ringkv::server
