// SPDX-License-Identifier: MIT
// What INFO, /metrics and /readyz report on.
#pragma once

#include <string>

#include "server/cluster/cluster_state.h"
#include "server/command/command_table.h"
#include "server/config/options.h"
#include "server/data/data_keeper.h"
#include "server/data/shutdown.h"
#include "server/housekeeping/housekeeping.h"
#include "server/housekeeping/memory_keeper.h"
#include "server/migration/key_migrations.h"
#include "server/migration/redis_link.h"
#include "server/observe/tick_clock.h"
#include "server/pubsub/broker.h"
#include "server/replication/replication.h"
#include "server/sentinel/shard_watch.h"
#include "server/session/client_directory.h"
#include "server/session/thread_state.h"
#include "server/tracking/tracking.h"
#include "storage/base/clock.h"

namespace ringkv::server {

class Scripts;

// All of it outlives the reports.
struct ReportParts {
  const storage::Clock& clock;
  const TickClock& ticks;
  const storage::UnixMs started_ms;
  const int64_t started_steady_ms;
  const std::string& run_id;
  const std::string& config_path;
  Shutdown& shutdown;
  const Options& options;
  const CommandTable& commands;
  const ThreadStates& threads;
  DataKeeper& data;
  MemoryKeeper& memory;
  const Housekeeping& housekeeping;
  ClientDirectory& clients;
  Broker& broker;
  Tracking& tracking;
  Replication& replication;
  RedisLink& redis_link;
  KeyMigrations& key_migrations;
  ClusterState& cluster;
  ShardWatch& shard_watch;
  Scripts& scripts;
};

}  // namespace ringkv::server
