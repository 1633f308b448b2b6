// SPDX-License-Identifier: MIT
// Invalidations for the clients of a thread: they wait until a reply that is being written is complete, then each
// client is told. Those who hear of all keys are told at the end of the round, of all that has changed in it.
//
// Threads: confined.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "server/net/client_connections.h"
#include "server/tracking/thread_trackers.h"
#include "storage/keyspace/tracking_table.h"

namespace ringkv::server {

class Invalidations {
 public:
  // All must outlive it. `thread`: its index.
  Invalidations(size_t thread, ThreadTrackers& trackers, const ClientConnections& connections)
      : thread_(thread), trackers_(trackers), connections_(connections) {}

  void Add(std::shared_ptr<const storage::Invalidation> invalidation) { waiting_.push_back(std::move(invalidation)); }
  bool has_waiting() const { return !waiting_.empty(); }
  // Tells the clients that have read the keys. Not while a reply is being written.
  void Tell();
  // Tells also those who hear of all keys.
  void TellAll();

 private:
  void TellOf(const storage::Invalidation& invalidation);
  void TellOfEverything(storage::Lsn lsn, ForWhom whom);

  const size_t thread_;
  ThreadTrackers& trackers_;
  const ClientConnections& connections_;
  std::vector<std::shared_ptr<const storage::Invalidation>> waiting_;
};

}  // namespace ringkv::server
