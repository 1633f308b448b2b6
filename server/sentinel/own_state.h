// SPDX-License-Identifier: MIT
// What this node knows of its own part in the shard, whoever decides it: an operator and FAILOVER, or a coordinator.
#pragma once

#include "server/sentinel/node_report.h"
#include "server/sentinel/shard_view.h"

namespace ringkv::server {

class OwnState {
 public:
  // As INFO of this node would say it.
  virtual NodeReport Report() = 0;
  // Where others reach this node: the host is empty if nobody has said.
  virtual NodeAddress Announced() = 0;
  virtual HandOver hand_over() = 0;

 protected:
  ~OwnState() = default;
};

}  // namespace ringkv::server
