// SPDX-License-Identifier: MIT
// The server's data, as the keeper of its history sees it.
//
// Threads: any.
#pragma once

#include <string>

#include "server/config/has_coordinator.h"
#include "server/replication/history_keeper.h"
#include "server/replication/replication_parts.h"

namespace ringkv::server {

class KeptData final : public HistoryKeeper::DataSet {
 public:
  // `parts` must outlive the object.
  explicit KeptData(const ReplicationParts& parts) : parts_(parts) {}

  const storage::LogBuffer& log() override { return parts_.data.store().log(); }
  bool IsInFiles() const override {
    const bool is_kept = parts_.options.appendonly != 0 || !parts_.options.save.Get().empty();
    return is_kept && parts_.data.durability().files_follow();
  }
  storage::Status LockDirectory() override { return parts_.data.durability().LockDirectory(); }
  bool HasGivenEpochs() const override { return parts_.shard_place.is_enabled() || HasCoordinator(parts_.options); }
  void Warn(const std::string& line) override { parts_.log.Warning(line); }

 private:
  const ReplicationParts& parts_;
};

}  // namespace ringkv::server
