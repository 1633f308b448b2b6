// SPDX-License-Identifier: MIT
// Asks all other nodes of the cluster about once a second how they want to be shown to clients (CLUSTER ANNOUNCED),
// over a connection to each that stays open. A node has failed when it has not answered for cluster-node-timeout.
//
// Each node decides for itself, without a vote of others. The consequence is that requests are refused
// (cluster-require-full-coverage); nobody is promoted because of it.
//
// Threads: one of its own, which waits for no single node.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "resp/buffer.h"
#include "server/cluster/cluster_parts.h"
#include "server/cluster/cluster_view.h"
#include "server/node_link/peer_socket.h"

namespace ringkv::server {

class NodeWatch {
 public:
  class Owner {
   public:
    virtual std::shared_ptr<const ClusterView> view() const = 0;
    // By the names of nodes; of those that have answered, and this one. Called when something has changed.
    virtual void NoteNodes(std::map<std::string, NodeNews> news) = 0;

   protected:
    ~Owner() = default;
  };

  // Both must outlive the object.
  NodeWatch(const ClusterParts& parts, Owner& owner) : parts_(parts), owner_(owner) {}
  ~NodeWatch() { Stop(); }
  NodeWatch(const NodeWatch&) = delete;
  NodeWatch& operator=(const NodeWatch&) = delete;

  void Start();
  void Stop();

 private:
  struct Peer {
    std::string host;
    int port = 0;
    std::unique_ptr<PeerSocket> socket = nullptr;
    resp::Buffer received = {};
    int lines_to_come = 0;  // the last one is the answer
    int64_t last_answer_ms = 0;
    NodeNews news = {};
  };

  void Run();
  // Rests for the time; false at the end.
  bool Rest(int64_t ms);
  void FitPeers(const ClusterView& view);
  void Ask(Peer& peer);
  // Takes what has come. True while an answer is missing.
  bool Awaits(Peer& peer);
  void Close(Peer& peer);
  void Tell(const ClusterView& view);

  const ClusterParts& parts_;
  Owner& owner_;
  // Used by the thread only.
  std::map<std::string, Peer> peers_;  // by name
  std::map<std::string, NodeNews> told_;

  storage::Mutex mutex_;
  std::condition_variable woken_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::atomic<bool> interrupted_{false};
  std::thread thread_;
};

// The reply to CLUSTER ANNOUNCED: what the options of this node say.
std::string PrintNews(const NodeNews& news);
NodeNews NewsOf(const Options& options);

}  // namespace ringkv::server
