// SPDX-License-Identifier: MIT
// Has the cluster's state act by the topology that etcd's keys make. That waits for locks of data and for disks, so it
// is not done by the thread that keeps the lease.
//
// Threads: one of its own; synchronised.
#pragma once

#include <chrono>
#include <condition_variable>
#include <optional>
#include <string>
#include <thread>

#include "server/cluster/cluster_state.h"
#include "server/observe/log.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class TopologyThread {
 public:
  // Both outlive the object.
  TopologyThread(ClusterState& cluster, Log& log) : cluster_(cluster), log_(log) {}
  ~TopologyThread() { Stop(); }

  void Start();
  void Stop();
  // This is the topology from now on, instead of any that was not taken up yet; null: there is none that has this
  // node's shard. `leads`: the node is the primary of its shard.
  void Show(std::optional<std::string> text, bool leads);

 private:
  void Run();
  // After how long it is to be tried again; null: never.
  std::optional<std::chrono::milliseconds> Take(const std::optional<std::string>& text, bool leads);

  ClusterState& cluster_;
  Log& log_;
  std::string failure_;  // of the last one, which was told; used by the thread only
  storage::Mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::string> text_ GUARDED_BY(mutex_);
  bool leads_ GUARDED_BY(mutex_) = false;
  bool is_open_ GUARDED_BY(mutex_) = false;  // it has not been taken up yet
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace ringkv::server
