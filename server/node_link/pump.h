// SPDX-License-Identifier: MIT
// Drives links over their sockets, all in the thread that calls it: the one loop of all links between nodes.
//
// Threads: confined, except Wake.
#pragma once

#include <poll.h>

#include <cstdint>
#include <vector>

#include "cluster/link/link.h"
#include "server/node_link/peer_socket.h"
#include "storage/base/clock.h"
#include "storage/base/result.h"
#include "storage/snapshot/pace.h"

namespace ringkv::server {

class LinkPump {
 public:
  // `clock` must outlive the object.
  explicit LinkPump(const storage::Clock& clock);
  ~LinkPump();
  LinkPump(const LinkPump&) = delete;
  LinkPump& operator=(const LinkPump&) = delete;

  // Both must stay until the link has ended, or Remove. A socket that does not stand yet is connected by the pump; the
  // link is opened then.
  void Add(cluster::Link& link, PeerSocket& socket) { links_.push_back({&link, &socket}); }
  void Remove(const cluster::Link& link);

  // Lets each link work, send and receive. Waits if none has anything to do, until `until` at the latest. Returns the
  // links that have ended, which are removed.
  struct Ended {
    cluster::Link* link = nullptr;
    storage::Error why;
  };
  std::vector<Ended> Turn(int64_t until);
  // From any thread: ends the wait.
  void Wake();

 private:
  struct Pumped {
    cluster::Link* link;
    PeerSocket* socket;
    bool is_open = false;  // the connection stands
    cluster::Link::Next next = cluster::Link::Next::kWait;
    storage::Status going = {};

    bool is_blocked() const { return !link->ToSend().empty(); }
    bool is_busy() const { return !going || (!is_blocked() && next != cluster::Link::Next::kWait); }
  };

  storage::Status Work(Pumped& pumped);
  // Sends as much as the socket takes at once.
  storage::Status SendWaiting(Pumped& pumped);
  storage::Result<size_t> Receive(Pumped& pumped);
  // True if a link has received something, or ended.
  bool ReceiveAll();
  void Await(int64_t until);

  const storage::Clock& clock_;
  const int wake_;
  std::vector<Pumped> links_;
  std::vector<pollfd> waiting_;
  storage::Pace pace_;
};

// Drives one link until it ends, or its socket, and gives the reason.
storage::Error Pump(cluster::Link& link, PeerSocket& socket, const storage::Clock& clock);

}  // namespace ringkv::server
