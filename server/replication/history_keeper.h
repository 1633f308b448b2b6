// SPDX-License-Identifier: MIT
// The replication history of the data here, and its file "replication.history".
//
// The file names a history only while the data files hold a prefix of it: it is written before the first change of a
// new history, and removed while the data set is replaced.
//
// Threads: synchronised.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/replication/history.h"
#include "storage/base/lsn.h"
#include "storage/base/mutex.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/disk/file_system.h"
#include "storage/log/log_buffer.h"

namespace ringkv::server {

class HistoryKeeper {
 public:
  // The data whose history it is.
  class DataSet {
   public:
    virtual const storage::LogBuffer& log() = 0;
    // Whether the data is kept in files, and they hold this data set.
    virtual bool IsInFiles() const = 0;
    virtual storage::Status LockDirectory() = 0;
    virtual bool IsInCluster() const = 0;
    // Tells the operator.
    virtual void Warn(const std::string& line) = 0;

   protected:
    ~DataSet() = default;
  };

  // Begins a new history. All references must outlive the object.
  HistoryKeeper(storage::FileSystem& files, storage::Chance& chance, DataSet& data);

  // Continues the history of the file, when the data is loaded, up to group `last`. False if there is no file.
  // `is_primary`: new changes get LSNs of a new history.
  bool Load(bool is_primary, storage::Lsn last);
  // Writes the file if it must be and the data is kept in files. A failure is logged and returns false; the next call
  // tries again.
  bool Save();

  void RemoveFile();

  std::string id();
  // A copy.
  cluster::History history();
  uint64_t epoch() const { return epoch_.load(); }
  // Whether the state after that group of that history is a prefix of this one.
  bool Holds(std::string_view id, storage::Lsn last);

  // Begins a new history without earlier ones.
  void Begin();
  // Likewise, but leaves the file as it is: what is in memory can no longer be trusted to be a part of its history.
  void Forget();
  // This server is a primary from now on: a new history, and outside of a cluster a new epoch.
  void Fork();
  // Continues the primary's history, which is at `last`.
  void Continue(const std::string& id, uint64_t epoch, storage::Lsn last);
  // Between these two the data set is replaced by that of the primary.
  void BeginReplacement();
  void EndReplacement(const std::string& id, uint64_t epoch);
  bool is_replacing() const { return is_replacing_.load(); }
  // In a cluster: the epoch of the topology.
  void RaiseEpoch(uint64_t epoch);
  // Others may have a part of the history from now on, so it must be in the file.
  void NoteShared();
  // Call when changes get LSNs from now on. If some had none before, a new history begins, unless nothing has changed.
  void NoteRecording(bool nothing_has_changed);

  // The highest number of nodes that have shared the history, of which `now` share it at present.
  uint64_t CountMembers(uint64_t now);
  void ForgetMembers();

 private:
  storage::FileSystem& files_;
  storage::Chance& chance_;
  DataSet& data_;
  std::atomic<uint64_t> epoch_{0};
  std::atomic<bool> is_replacing_{false};

  storage::Mutex save_mutex_;  // guards the file; before `mutex_`
  bool has_said_unsaved_ GUARDED_BY(save_mutex_) = false;
  storage::Mutex mutex_;
  cluster::History history_ GUARDED_BY(mutex_);
  uint64_t period_ GUARDED_BY(mutex_) = 0;  // the recording period that the history's LSNs belong to
  bool is_unsaved_ GUARDED_BY(mutex_) = false;
};

}  // namespace ringkv::server
