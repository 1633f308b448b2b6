// SPDX-License-Identifier: MIT
#include "server/report/readiness.h"

#include "server/replication/replication.h"
#include "server/server.h"

namespace ringkv::server {

std::vector<std::string> ReasonsNotReady(Server& server) {
  std::vector<std::string> reasons;
  if (server.is_draining()) reasons.emplace_back("it is draining before shutdown");
  if (server.data().is_loading()) reasons.emplace_back("it is loading its data");
  if (server.data().is_replacing()) reasons.emplace_back("it is loading its primary's snapshot");
  const int64_t most_ms = server.options().ready_max_lag;
  PrimaryLink& link = server.replication().link();
  if (server.replication().is_replica() && !server.data().is_replacing() && most_ms > 0) {
    const bool is_up = link.phase() == LinkPhase::kConnected;
    if (!is_up && link.last_received_ms() == 0) reasons.emplace_back("it has not reached its primary yet");
    const int64_t behind_ms =
        is_up ? link.LagMs(server.clock().Now())
              : server.clock().SteadyMs() - std::max(link.down_since_ms(), server.started_steady_ms());
    if (behind_ms > most_ms) {
      reasons.push_back("it is " + std::to_string(behind_ms) + " ms behind its primary (ready-max-lag " +
                        std::to_string(most_ms) + ")");
    }
  }
  return reasons;
}

}  // namespace ringkv::server
