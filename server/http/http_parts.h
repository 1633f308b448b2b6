// SPDX-License-Identifier: MIT
// What HTTP handlers need of the server, beside the commands that they run.
#pragma once

#include "server/cluster/cluster_state.h"
#include "server/config/options.h"
#include "server/replication/replication.h"
#include "server/report/history.h"
#include "server/report/report_parts.h"
#include "server/users/users.h"

namespace ringkv::server::http {

// All of it outlives the requests.
struct HttpParts {
  const Options& options;
  const Replication& replication;
  ClusterState& cluster;
  const ReportParts& report;
  const Users& users;
  History& history;
};

}  // namespace ringkv::server::http
