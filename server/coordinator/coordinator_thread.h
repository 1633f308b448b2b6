// SPDX-License-Identifier: MIT
// The thread that lets etcd decide the role of this server (option coordinator): carries calls and answers between the
// state machine and etcd, and has replication act by what follows. Without a coordinator there is none.
//
// Threads: one of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "cluster/failover/etcd.h"
#include "server/base/world.h"
#include "server/cluster/cluster_state.h"
#include "server/config/options.h"
#include "server/coordinator/topology_thread.h"
#include "server/data/data_keeper.h"
#include "server/observe/log.h"
#include "server/replication/replication.h"
#include "storage/base/result.h"

namespace ringkv::server {

// All of it outlives the thread.
struct CoordinatorParts {
  World world;
  const Options& options;
  Log& log;
  DataKeeper& data;
  Replication& replication;
  ClusterState& cluster;
};

class CoordinatorThread {
 public:
  explicit CoordinatorThread(const CoordinatorParts& parts);
  ~CoordinatorThread();

  // Call when the data is loaded, before replication starts: it looks at what the files say.
  storage::Status Prepare();
  // Call when replication has started.
  void Start();
  // Gives the lease of a primary back, so that others need not wait for its end.
  void Stop();

 private:
  struct Seat;

  void Run();
  void Leave();
  // Begins, drops or ends a planned change of the primary.
  void HandOver();
  // Hands what the state machine asks for to etcd, and waits for answers for so long at most.
  void Exchange(int64_t milliseconds);
  void Take(uint64_t call, const cluster::EtcdAnswer& answer);
  // What the state machine has decided holds from now on.
  void Apply();
  // In a cluster, its topology as etcd's keys say has another part in it, or this node.
  void ShowCluster();
  void NoteAnswer(const cluster::EtcdAnswer& answer);
  int64_t now() const { return parts_.world.clock.SteadyMs(); }

  const CoordinatorParts parts_;
  TopologyThread topology_;
  std::unique_ptr<Seat> seat_;       // null without a coordinator
  std::optional<std::string> heir_;  // that the role is handed over to now
  std::atomic<bool> stopping_{false};
  int failures_ = 0;  // of calls since the last one that was answered
  std::thread thread_;
};

}  // namespace ringkv::server
