// SPDX-License-Identifier: MIT
// What the execution of requests needs of the server.
#pragma once

#include "server/base/client_links.h"
#include "server/base/key_fence.h"
#include "server/base/long_holds.h"
#include "server/base/needs.h"
#include "server/base/pause.h"
#include "server/blocking/waiting_clients.h"
#include "server/cluster/cluster_state.h"
#include "server/command/command_table.h"
#include "server/config/options.h"
#include "server/data/data_keeper.h"
#include "server/execution/administration.h"
#include "server/housekeeping/memory_keeper.h"
#include "server/observe/command_log.h"
#include "server/observe/latency_events.h"
#include "server/observe/log.h"
#include "server/observe/monitor.h"
#include "server/observe/tick_clock.h"
#include "server/observe/usage.h"
#include "server/pubsub/key_events.h"
#include "server/replication/replication.h"
#include "server/users/denial_log.h"
#include "server/users/users.h"

namespace ringkv::server {

class LongWork;
class Server;

// All of it outlives the executions.
struct ExecutionParts {
  Server& server;  // handed to administrative commands; nothing else here knows what it is
  const storage::Clock& clock;
  const TickClock& ticks;
  const Options& options;
  const CommandTable& commands;
  Log& log;
  CommandLogs& command_logs;
  Usage& usage;
  LatencyEvents& latency_events;
  Monitor& monitor;
  UnmetNeeds& needs;
  Pause& pause;
  KeyFence& key_fence;
  LongHolds& long_holds;
  MemoryKeeper& memory;
  DataKeeper& data;
  ClientLinks& links;
  WaitingClients& waiting_clients;
  KeyEvents& key_events;
  const Users& users;
  DenialLog& denials;
  Replication& replication;
  ClusterState& cluster;
  Administration& administration;
  LongWork& long_work;
};

}  // namespace ringkv::server
