// SPDX-License-Identifier: MIT
#include "server/report/readiness.h"

#include "server/replication/replication.h"
#include "server/report/report_parts.h"

namespace ringkv::server {

std::vector<std::string> ReasonsNotReady(const ReportParts& parts) {
  std::vector<std::string> reasons;
  if (parts.shutdown.is_draining()) reasons.emplace_back("it is draining before shutdown");
  if (parts.data.is_loading()) reasons.emplace_back("it is loading its data");
  if (parts.data.is_replacing()) reasons.emplace_back("it is loading its primary's snapshot");
  if (parts.replication.is_fenced()) reasons.emplace_back("its lease as a primary has run out");
  const int64_t most_ms = parts.options.ready_max_lag;
  PrimaryLink& link = parts.replication.link();
  if (parts.replication.is_replica() && !parts.data.is_replacing() && most_ms > 0) {
    const bool is_up = link.phase() == LinkPhase::kConnected;
    if (!is_up && link.last_received_ms() == 0) reasons.emplace_back("it has not reached its primary yet");
    const int64_t behind_ms = is_up ? link.LagMs(parts.clock.Now())
                                    : parts.clock.SteadyMs() - std::max(link.down_since_ms(), parts.started_steady_ms);
    if (behind_ms > most_ms) {
      reasons.push_back("it is " + std::to_string(behind_ms) + " ms behind its primary (ready-max-lag " +
                        std::to_string(most_ms) + ")");
    }
  }
  return reasons;
}

bool FollowsRedis(const ReportParts& parts) { return parts.redis_link.is_running(); }

}  // namespace ringkv::server
