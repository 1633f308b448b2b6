// SPDX-License-Identifier: MIT
// The state of one thread that executes commands.
//
// Threads: confined, but for the statistics, the load and the clients' memory, which others read.
#pragma once

#include <atomic>
#include <memory>

#include "server/observe/statistics.h"
#include "server/session/thread_load.h"
#include "server/tracking/thread_trackers.h"
#include "storage/base/random.h"
#include "storage/housekeeping/eviction.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

struct ClusterView;

struct ThreadState {
  // `http_labels`: none for a thread that serves no HTTP.
  ThreadState(size_t index_in, storage::Store& store, size_t command_count, uint64_t seed, HttpLabels http_labels = {})
      : index(index_in), random(seed), txn(store, 0, random), statistics(command_count, http_labels) {}

  const size_t index;  // of the thread of clients; kNoThread: it is none
  storage::Random random;
  storage::Txn txn;  // one for all commands of the thread, so that no request allocates one
  storage::Evictor evictor;
  ThreadStatistics statistics;
  std::atomic<size_t> client_memory{0};  // of the clients of this thread; read by all
  ThreadLoad load;                       // likewise
  ThreadTrackers trackers;               // of its clients
  uint64_t last_command_end = 0;         // in ticks of the server's clock
  bool is_overdue = false;               // a command of this thread has run for too long: the others are refused
  // In a cluster: what was looked at last, and its version.
  std::shared_ptr<const ClusterView> cluster_view;
  uint64_t cluster_version = 0;
};

}  // namespace ringkv::server
