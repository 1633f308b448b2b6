// SPDX-License-Identifier: MIT
// The watch of the other nodes, with its thread and its sockets.
//
// Threads: one of its own.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cluster/watch/node_watch.h"
#include "server/cluster/cluster_parts.h"
#include "server/cluster/cluster_view.h"
#include "server/node_link/peer_socket.h"
#include "server/node_link/pump.h"

namespace ringkv::server {

class NodeWatchThread final : private cluster::NodeWatch::Owner {
 public:
  class Owner {
   public:
    virtual std::shared_ptr<const ClusterView> view() const = 0;
    // By the names of nodes, this one among them. Called when something has changed.
    virtual void NoteNodes(std::map<std::string, NodeNews> news) = 0;

   protected:
    ~Owner() = default;
  };

  // Both must outlive the object.
  NodeWatchThread(const ClusterParts& parts, Owner& owner);
  ~NodeWatchThread() { Stop(); }
  NodeWatchThread(const NodeWatchThread&) = delete;
  NodeWatchThread& operator=(const NodeWatchThread&) = delete;

  void Start();
  void Stop();

 private:
  void Run();
  void Tell(const ClusterView& view);

  // --- what the watch asks for ---
  int64_t timeout_ms() const override { return parts_.options.cluster_node_timeout; }
  std::vector<std::string> authentication() const override;
  void Connect(const cluster::NodeWatch::Address& to, cluster::Link& link) override;
  void Close(cluster::Link& link) override;
  void NoteFailure(const std::string& name, bool has_failed, const std::string& why) override;
  void NoteRefusal(const std::string& name, const std::string& why) override;
  void NoteError(const std::string& name, const std::string& error) override;

  const ClusterParts& parts_;
  Owner& owner_;
  LinkPump pump_;
  // Used by the thread only, but for the last: while there is none.
  std::map<const cluster::Link*, std::unique_ptr<PeerSocket>> sockets_;
  std::map<std::string, NodeNews> told_;
  cluster::NodeWatch watch_;

  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// What the options of this node say.
NodeNews NewsOf(const Options& options);

}  // namespace ringkv::server
