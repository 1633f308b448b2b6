// SPDX-License-Identifier: MIT
// The server's data with its files and its backlog, as its copy of the shard changes them.
//
// Threads: as cluster::ShardCopy.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "cluster/replication/shard_copy.h"
#include "server/replication/backlog_keeper.h"
#include "server/replication/replication_parts.h"
#include "storage/base/progress_lines.h"
#include "storage/transfer/follower.h"

namespace ringkv::server {

class ReplicatedData final : public cluster::ShardCopy::Data {
 public:
  // Whose role decides about the data.
  class Owner {
   public:
    virtual void CloseFeeds() = 0;
    virtual void FollowerHasData() = 0;
    // True if changes without an LSN have got one.
    virtual bool PrimaryHasData() = 0;
    virtual void ShowPrimary() = 0;

   protected:
    ~Owner() = default;
  };

  // All references must outlive the object.
  ReplicatedData(const ReplicationParts& parts, BacklogKeeper& backlog, Owner& owner)
      : parts_(parts), backlog_(backlog), owner_(owner), follower_(parts.data.store()) {}

 private:
  using Applied = cluster::ShardCopy::Applied;

  storage::Lsn appended() override { return parts_.data.store().log().appended(); }
  bool KeepBacklog() override { return backlog_.Keep(); }
  void BecomeFollower() override { owner_.FollowerHasData(); }
  bool BecomeOwner() override { return owner_.PrimaryHasData(); }
  void ShowPrimary() override { owner_.ShowPrimary(); }
  Applied ResumeBehind(storage::Lsn last) override;
  storage::Result<Applied> TakeFrame(std::string_view bytes) override;
  storage::Status BeginReplacement() override;
  storage::Status BeginSnapshot(std::string_view header) override;
  storage::Result<Applied> TakeSection(std::string_view bytes) override;
  void Clear() override;
  void EndReplacement(storage::Lsn last) override;
  void ShowWhole() override { parts_.data.SetReplacing(false); }

  Applied Now() const { return {follower_.last(), follower_.frame_time(), !follower_.is_loading()}; }

  const ReplicationParts& parts_;
  BacklogKeeper& backlog_;
  Owner& owner_;
  storage::Follower follower_;
  std::optional<storage::ProgressLines> progress_;  // of the last snapshot
};

}  // namespace ringkv::server
