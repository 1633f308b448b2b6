// SPDX-License-Identifier: MIT
// Readiness: whether load balancers should send requests to this server (/readyz).
#pragma once

#include <string>
#include <vector>

namespace ringkv::server {

struct ReportParts;

// The reasons for not being ready, as sentences; empty if it is ready.
std::vector<std::string> ReasonsNotReady(const ReportParts& parts);

// Whether it follows a Redis server (migrate-from): its role is that of a primary, but it takes no writes.
bool FollowsRedis(const ReportParts& parts);

}  // namespace ringkv::server
