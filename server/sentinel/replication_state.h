// SPDX-License-Identifier: MIT
// This node's part in a shard whose roles operators and FAILOVER assign: what replication says.
//
// Threads: synchronised.
#pragma once

#include <string>

#include "server/config/options.h"
#include "server/data/data_keeper.h"
#include "server/replication/replication.h"
#include "server/sentinel/own_state.h"
#include "storage/base/clock.h"

namespace ringkv::server {

class ReplicationState final : public OwnState {
 public:
  // All must outlive the object.
  ReplicationState(Replication& replication, DataKeeper& data, const Options& options, const storage::Clock& clock,
                   const std::string& run_id)
      : replication_(replication), data_(data), options_(options), clock_(clock), run_id_(run_id) {}

  OwnPart Now() override;
  NodeAddress Announced() override;

 private:
  Replication& replication_;
  DataKeeper& data_;
  const Options& options_;
  const storage::Clock& clock_;
  const std::string& run_id_;
};

}  // namespace ringkv::server
