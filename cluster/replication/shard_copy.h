// SPDX-License-Identifier: MIT
// A node's copy of the data of its shard, as its role changes: it follows a primary, gets another one, is replaced by a
// snapshot, becomes the primary. This decides in which order data, files, log and history change, so that whatever
// happens between two steps, the files hold a prefix of the history that they name, and no LSN means two things in one
// history.
//
// Threads: guarded by its owner, one call at a time. NumberChanges and CheckTakeover from any thread, if history and
// data are synchronised.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/replication/history.h"
#include "cluster/replication/kept_history.h"
#include "cluster/replication/log_receiver.h"
#include "storage/base/lsn.h"
#include "storage/base/result.h"

namespace ringkv::cluster {

// A primary's request to its replica to take over the role.
struct TakeoverRequest {
  std::string history;
  storage::Lsn next = 0;  // behind that primary's last group, which must be here unless `anyway`
  bool anyway = false;
};

class ShardCopy {
 public:
  using Applied = LogReceiver::Applied;

  // The data with its files.
  class Data {
   public:
    // The last group.
    virtual storage::Lsn appended() = 0;
    // From now on all changes have LSNs, and others can follow for a while. True if they had not.
    virtual bool KeepBacklog() = 0;
    // Changes come from a primary from now on.
    virtual void BecomeFollower() = 0;
    // A new history has begun: its changes come from clients from now on. True if changes without an LSN have got one,
    // which no other node has.
    virtual bool BecomeOwner() = 0;
    // All is in place: others may learn that this is the primary.
    virtual void ShowPrimary() = 0;

    // Frames go on behind this group.
    virtual Applied ResumeBehind(storage::Lsn last) = 0;
    virtual storage::Result<Applied> TakeFrame(std::string_view bytes) = 0;
    // From here on the files stay as they are, until EndReplacement.
    virtual storage::Status BeginReplacement() = 0;
    virtual storage::Status BeginSnapshot(std::string_view header) = 0;
    virtual storage::Result<Applied> TakeSection(std::string_view bytes) = 0;
    // Instead of the rest of a snapshot.
    virtual void Clear() = 0;
    // The data is complete, up to group `last`, and will be in the files. No earlier group is to be had here.
    virtual void EndReplacement(storage::Lsn last) = 0;
    // And its history is known: clients may see it.
    virtual void ShowWhole() = 0;

   protected:
    ~Data() = default;
  };

  // Both must outlive the object.
  ShardCopy(KeptHistory& history, Data& data) : history_(history), data_(data) {}

  // The data has been loaded, up to group `last`. `has_more`: changes that no file of this history has are in it.
  void Start(bool is_primary, storage::Lsn last, bool has_more);
  // Every change gets an LSN from now on.
  void NumberChanges();

  // --- roles ---
  // No write of a client is under way, and none begins.
  void BecomeFollower();
  // What it follows is cut off. `epoch`: by whoever has decided it; 0 if it is to be the next one. False if there was
  // only a part of a snapshot: the copy is empty now.
  bool BecomePrimary(uint64_t epoch = 0);
  // A primary has been elected again, without another one in between.
  void GoOnAsPrimary(uint64_t epoch);
  // Whether it may become the primary because its own asks for it. An error is the reply.
  storage::Status CheckTakeover(const TakeoverRequest& request, bool is_replica);

  // --- while it follows; see LogReceiver::Target ---
  storage::Result<Applied> Resume(const std::string& history, uint64_t epoch, storage::Lsn last);
  storage::Status BeginSnapshot(std::string_view header);
  storage::Result<Applied> TakeSection(std::string_view bytes) { return data_.TakeSection(bytes); }
  void EndSnapshot(const std::string& history, uint64_t epoch, storage::Lsn last);
  storage::Result<Applied> TakeFrame(std::string_view bytes) { return data_.TakeFrame(bytes); }
  void Forget() { history_.Forget(); }

  // False within a snapshot: the data is a part of it.
  bool is_whole() const { return is_whole_; }

 private:
  void NumberChanges(bool nothing_has_changed);
  void LeaveFiles();

  KeptHistory& history_;
  Data& data_;
  bool is_whole_ = true;
};

}  // namespace ringkv::cluster
