// SPDX-License-Identifier: MIT
// What the cluster needs of the server.
#pragma once

#include "server/base/client_links.h"
#include "server/base/needs.h"
#include "server/base/world.h"
#include "server/blocking/waiting_clients.h"
#include "server/config/options.h"
#include "server/data/data_keeper.h"
#include "server/observe/log.h"
#include "server/replication/replication.h"
#include "server/session/client_directory.h"

namespace ringkv::server {

// All of it outlives the cluster's state.
struct ClusterParts {
  World world;
  const Options& options;
  Log& log;
  UnmetNeeds& needs;
  DataKeeper& data;
  ClientLinks& links;
  ClientDirectory& clients;
  WaitingClients& waiting_clients;
  Replication& replication;
};

}  // namespace ringkv::server
