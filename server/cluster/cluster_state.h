// SPDX-License-Identifier: MIT
// The cluster as this node knows it: a view for each epoch, swapped whole, with what clients ask again and again
// serialised once.
//
// Threads: guarded; a thread that serves clients keeps the view that it looked at last and asks for a newer one only
// when the version says that there is one.
#pragma once

#include <atomic>
#include <bitset>
#include <memory>
#include <string>
#include <vector>

#include "cluster/coordinator.h"
#include "cluster/route.h"
#include "cluster/topology.h"
#include "storage/file_system.h"
#include "storage/mutex.h"

namespace ringkv::server {

class Server;

struct ClusterView {
  cluster::Topology topology;
  cluster::Standing here;
  // The slots that are served here whoever asks, in two kilobytes: nearly all requests are looked up in nothing else.
  std::bitset<storage::kSlots> served;
  std::string id;           // of this node
  std::string slots_resp2;  // what CLUSTER SLOTS answers
  std::string slots_resp3;

  const cluster::Node& self() const { return *topology.FindNode(id); }
};

class ClusterState {
 public:
  // `server` must outlive the object.
  explicit ClusterState(Server& server);
  ~ClusterState();

  // Reads the topology and finds this node in it; before clients are served. Does nothing without cluster-enabled.
  storage::Status Open();
  // Takes this node's place in the topology, when the data is there.
  void Start();
  bool is_enabled() const { return is_enabled_; }

  // Takes over a topology with a higher epoch. An error says why that can't be; nothing has changed then.
  storage::Status Reload();

  uint64_t version() const { return version_.load(std::memory_order_relaxed); }
  std::shared_ptr<const ClusterView> view() const;
  uint64_t epoch() const { return is_enabled_ ? view()->topology.epoch() : 0; }

 private:
  storage::Result<std::shared_ptr<const ClusterView>> MakeView(cluster::Topology topology) const;
  storage::Result<std::string> FindOwnId(const cluster::Topology& topology) const;
  void Install(std::shared_ptr<const ClusterView> view);

  Server& server_;
  bool is_enabled_ = false;  // immutable once open
  std::unique_ptr<storage::FileSystem> files_;
  std::unique_ptr<cluster::Coordinator> coordinator_;
  std::atomic<uint64_t> version_{0};
  mutable storage::Mutex mutex_;
  std::shared_ptr<const ClusterView> view_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
