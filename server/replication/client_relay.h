// SPDX-License-Identifier: MIT
// After this primary has handed its role over: passes what its clients ask on to the new one, each over a connection of
// its own, so that a client which has not heard of it sees no error. For a bounded time, and for those that were there.
//
// Threads: synchronised; one of its own while it has clients.
#pragma once

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cluster/link/relayed_client.h"
#include "server/node_link/link_phase.h"
#include "server/node_link/peer_socket.h"
#include "server/replication/primary_link.h"
#include "server/replication/replication_parts.h"
#include "storage/base/mutex.h"
#include "transport/channel.h"

namespace ringkv::server {

class ClientRelay {
 public:
  // `parts` must outlive the object.
  explicit ClientRelay(const ReplicationParts& parts);
  ~ClientRelay();
  ClientRelay(const ClientRelay&) = delete;
  ClientRelay& operator=(const ClientRelay&) = delete;

  // The role has gone to this server: clients that are here now may be relayed to it, for failover-forward-time.
  void Open(PrimaryAddress primary);
  // From now on no more clients are relayed; those that are stay: the node that they are at passes them on, too, when
  // it hands over.
  void Shut() { until_ms_ = 0; }
  // Those that are relayed get the replies to what they have asked, and are let go.
  void EndAll() { ++ends_; }
  bool is_open() const { return parts_.world.clock.SteadyMs() < until_ms_.load(std::memory_order_relaxed); }
  bool IsOpenTo(const ClientCard& card) const {
    return is_open() && card.connected_ms <= opened_ms_.load(std::memory_order_relaxed);
  }
  // Who speaks for the client there.
  struct Client {
    std::shared_ptr<ClientCard> card = {};
    std::string user = {};
    bool is_proven = true;  // it has authenticated, or needed to
    int protocol = 2;
    storage::DbIndex db = 0;
    std::string requests = {};  // that have no answer yet
    size_t answered = 0;        // see RelayedClient::Opening
  };
  // Takes ownership of the connection, and the client off the directory when it ends.
  void Take(transport::Channel channel, Client client);
  // Ends all: those with requests under way get their replies, for a bounded time. Call before the directory of clients
  // ends.
  void Stop();

 private:
  struct Relayed;

  cluster::RelayedClient::Opening OpeningOf(const Client& client, const PrimaryAddress& primary) const;
  void Run();
  void ServeAll();
  void TakeNew();
  // False: it has ended.
  bool Serve(Relayed& relayed, int64_t now);
  bool ConnectFurther(Relayed& relayed, int64_t now);
  // Each passes on what is there. True if there was something. An error is that of the node.
  storage::Result<bool> Pump(Relayed& relayed);
  bool PumpClient(Relayed& relayed);
  storage::Result<bool> PumpNode(Relayed& relayed);
  // The time of the client is over, or all are let go.
  bool IsToEnd(const Relayed& relayed, int64_t now) const;
  // The node can't be asked: nothing of the client was executed.
  bool Refuse(Relayed& relayed, const std::string& why);
  void Await(int64_t now);

  const ReplicationParts& parts_;
  std::atomic<int64_t> opened_ms_{0};
  std::atomic<int64_t> until_ms_{0};  // 0: shut
  std::atomic<uint64_t> ends_{0};     // how often all were let go
  const int wake_;
  std::atomic<bool> stopping_{false};

  storage::Mutex mutex_;
  PrimaryAddress primary_ GUARDED_BY(mutex_);
  std::list<std::unique_ptr<Relayed>> new_ GUARDED_BY(mutex_);
  std::thread thread_ GUARDED_BY(mutex_);

  // Of the thread.
  std::list<std::unique_ptr<Relayed>> clients_;
  std::vector<pollfd> waiting_;
  int64_t looks_at_all_ms_ = 0;  // then, whoever is due
  bool has_told_refusal_ = false;
};

}  // namespace ringkv::server
