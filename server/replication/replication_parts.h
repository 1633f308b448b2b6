// SPDX-License-Identifier: MIT
// What replication needs of the server.
#pragma once

#include "server/base/client_links.h"
#include "server/base/needs.h"
#include "server/base/pause.h"
#include "server/base/shard_place.h"
#include "server/base/world.h"
#include "server/blocking/waiting_clients.h"
#include "server/config/options.h"
#include "server/data/data_keeper.h"
#include "server/observe/log.h"
#include "server/pubsub/broker.h"
#include "server/session/client_directory.h"

namespace ringkv::server {

// All of it outlives replication.
struct ReplicationParts {
  World world;
  Options& options;  // a change of the role sets `replicaof`
  Log& log;
  UnmetNeeds& needs;
  Pause& pause;
  DataKeeper& data;
  ClientLinks& links;
  ClientDirectory& clients;
  WaitingClients& waiting_clients;
  Broker& broker;
  const ShardPlace& shard_place;
};

}  // namespace ringkv::server
