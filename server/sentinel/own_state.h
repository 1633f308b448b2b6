// SPDX-License-Identifier: MIT
// What this node knows of its own part in the shard, whoever decides it: an operator and FAILOVER, or a coordinator.
#pragma once

#include "server/sentinel/node_report.h"
#include "server/sentinel/shard_view.h"

namespace ringkv::server {

// Of one moment: a primary that hands its role over is one until the other has taken it.
struct OwnPart {
  NodeReport report = {};  // as INFO of this node would say it
  HandOver hand_over = HandOver::kNone;
};

class OwnState {
 public:
  virtual OwnPart Now() = 0;
  // Where others reach this node: the host is empty if nobody has said.
  virtual NodeAddress Announced() = 0;

 protected:
  ~OwnState() = default;
};

}  // namespace ringkv::server
