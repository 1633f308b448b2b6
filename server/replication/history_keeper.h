// SPDX-License-Identifier: MIT
// The replication history of the data here, and its file "replication.history".
//
// The file names a history only while the data files hold a prefix of it: it is written before the first change of a
// new history, or else removed, and removed while the data set is replaced. While it lacks what is true by now, nobody
// may count on the data here: after a restart this node would not know which changes it has.
//
// Threads: synchronised.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/replication/history.h"
#include "cluster/replication/kept_history.h"
#include "storage/base/lsn.h"
#include "storage/base/mutex.h"
#include "storage/base/random.h"
#include "storage/base/result.h"
#include "storage/disk/file_system.h"
#include "storage/log/log_buffer.h"

namespace ringkv::server {

class HistoryKeeper final : public cluster::KeptHistory {
 public:
  // The data whose history it is.
  class DataSet {
   public:
    virtual const storage::LogBuffer& log() = 0;
    // Whether the data is kept in files, and they hold this data set.
    virtual bool IsInFiles() const = 0;
    virtual storage::Status LockDirectory() = 0;
    // Whether others say which epoch it is: the topology of a cluster, or a coordinator.
    virtual bool HasGivenEpochs() const = 0;
    // Tells the operator.
    virtual void Warn(const std::string& line) = 0;

   protected:
    ~DataSet() = default;
  };

  // Begins a new history. All references must outlive the object.
  HistoryKeeper(storage::FileSystem& files, storage::Chance& chance, DataSet& data);

  bool Load(bool is_primary, storage::Lsn last) override;
  bool Save() override;
  bool IsNamed() override;
  // Whether changes of this node's clients belong to a history that the file does not name yet: after a restart they
  // would be taken for changes of an earlier one. Replies that are to survive a crash wait. Without a lock.
  bool awaits_name() const { return awaits_name_.load(); }
  storage::Status RemoveFile() override;
  std::string id() override;
  cluster::History history() override;
  uint64_t epoch() const override { return epoch_.load(); }
  bool Holds(std::string_view id, storage::Lsn last) override;
  std::optional<storage::Lsn> EndOf(std::string_view id);
  void Begin() override;
  void Forget() override;
  void Fork() override;
  void Continue(const std::string& id, uint64_t epoch, storage::Lsn last) override;
  void BeginReplacement() override;
  void EndReplacement(const std::string& id, uint64_t epoch) override;
  bool is_replacing() const override { return is_replacing_.load(); }
  void RaiseEpoch(uint64_t epoch) override;
  void NoteShared() override;
  void NoteRecording(bool nothing_has_changed) override;
  uint64_t CountMembers(uint64_t now) override;
  void ForgetMembers() override;

 private:
  storage::Status Place(const std::string& text) REQUIRES(save_mutex_);
  storage::Status Remove() REQUIRES(save_mutex_);
  void NoteRenamed() REQUIRES(mutex_) { is_unsaved_ = is_unnamed_ = true; }

  storage::FileSystem& files_;
  storage::Chance& chance_;
  DataSet& data_;
  std::atomic<uint64_t> epoch_{0};
  std::atomic<bool> is_replacing_{false};
  std::atomic<bool> awaits_name_{false};

  storage::Mutex save_mutex_;  // guards the file; before `mutex_`
  bool has_said_unsaved_ GUARDED_BY(save_mutex_) = false;
  std::string id_in_file_ GUARDED_BY(save_mutex_);  // empty: there is none
  storage::Mutex mutex_;
  cluster::History history_ GUARDED_BY(mutex_);
  uint64_t period_ GUARDED_BY(mutex_) = 0;  // the recording period that the history's LSNs belong to
  bool is_unsaved_ GUARDED_BY(mutex_) = false;
  bool is_unnamed_ GUARDED_BY(mutex_) = true;  // the file does not have this id and epoch
};

}  // namespace ringkv::server
