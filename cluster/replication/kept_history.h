// SPDX-License-Identifier: MIT
// The replication history of a node's data, and its file. The file names a history only while the data files hold a
// prefix of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/replication/history.h"
#include "storage/base/lsn.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

class KeptHistory {
 public:
  // Continues the history of the file, when the data is loaded, up to group `last`. False if there is no file.
  // `is_primary`: new changes get LSNs of a new history.
  virtual bool Load(bool is_primary, storage::Lsn last) = 0;
  // Writes the file if it must be and the data is kept in files. A failure is logged and returns false; the next call
  // tries again. A file that names another history is removed then.
  virtual bool Save() = 0;
  // Whether the file names this history and its epoch, if the data is kept in files. Else nobody may count on the data
  // here: after a restart this node would not know which changes it has.
  virtual bool IsNamed() = 0;
  // Durably. After a failure the file may still name an earlier history.
  virtual storage::Status RemoveFile() = 0;

  virtual std::string id() = 0;
  // A copy.
  virtual History history() = 0;
  virtual uint64_t epoch() const = 0;
  // Whether the state after that group of that history is a prefix of this one.
  virtual bool Holds(std::string_view id, storage::Lsn last) = 0;

  // Begins a new history without earlier ones.
  virtual void Begin() = 0;
  // Likewise, but leaves the file as it is: what is in memory can no longer be trusted to be a part of its history.
  virtual void Forget() = 0;
  // This node is a primary from now on: a new history, and outside of a cluster a new epoch.
  virtual void Fork() = 0;
  // Continues the primary's history, which is at `last`.
  virtual void Continue(const std::string& id, uint64_t epoch, storage::Lsn last) = 0;
  // Between these two the data set is replaced by that of the primary. The first begins a history of its own.
  virtual void BeginReplacement() = 0;
  virtual void EndReplacement(const std::string& id, uint64_t epoch) = 0;
  virtual bool is_replacing() const = 0;
  // The epoch of the topology, or of an election.
  virtual void RaiseEpoch(uint64_t epoch) = 0;
  // Others may have a part of the history from now on, so it must be in the file.
  virtual void NoteShared() = 0;
  // Call when changes get LSNs from now on. If some had none before, a new history begins, unless nothing has changed.
  virtual void NoteRecording(bool nothing_has_changed) = 0;

  // The highest number of nodes that have shared the history, of which `now` share it at present.
  virtual uint64_t CountMembers(uint64_t now) = 0;
  virtual void ForgetMembers() = 0;

 protected:
  ~KeptHistory() = default;
};

}  // namespace ringkv::cluster
