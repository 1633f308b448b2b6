// SPDX-License-Identifier: MIT
// Who is connected: a card for each client that any thread may read, for CLIENT LIST and KILL.
//
// Threads: the directory is guarded; a card's numbers are atomic and written by the client's own thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/config/options.h"
#include "storage/db_index.h"
#include "storage/mutex.h"

namespace ringkv::server {

struct Command;

struct ClientCard {
  // Constant once the client is in the directory.
  uint64_t id = 0;
  std::string address;  // of the peer: ip:port, or the socket's path with :0
  std::string local_address;
  bool is_unix = false;
  bool is_http = false;
  bool is_local = false;  // a loopback address or a Unix socket
  int descriptor = -1;
  size_t thread = 0;
  int64_t connected_ms = 0;

  std::atomic<int64_t> last_used_ms{0};
  std::atomic<storage::DbIndex> db{0};
  std::atomic<int> protocol{2};
  std::atomic<int> queued_commands{-1};  // -1: not in MULTI
  std::atomic<const Command*> last_command{nullptr};
  std::atomic<size_t> input_bytes{0};
  std::atomic<size_t> input_free{0};
  std::atomic<size_t> argument_bytes{0};
  std::atomic<size_t> queue_bytes{0};
  std::atomic<size_t> watch_bytes{0};
  std::atomic<size_t> subscription_bytes{0};
  std::atomic<size_t> output_bytes{0};
  std::atomic<size_t> output_capacity{0};
  std::array<std::atomic<size_t>, 3> subscriptions{};  // to channels, patterns, shard channels
  std::atomic<bool> is_monitor{false};
  std::atomic<bool> is_paused{false};
  std::atomic<bool> is_waiting{false};  // for replicas, or for a key
  std::atomic<bool> is_closing{false};
  std::atomic<bool> no_evict{false};
  std::atomic<bool> no_touch{false};
  std::atomic<bool> watch_failed{false};
  std::atomic<bool> is_replica{false};
  std::atomic<int> replica_port{0};  // REPLCONF listening-port
  SharedText replica_host;           // REPLCONF ip-address
  SharedText name;
  SharedText library_name;
  SharedText library_version;

  bool is_subscriber() const { return subscriptions[0] + subscriptions[1] + subscriptions[2] > 0; }
  // What the client costs, as maxmemory-clients counts it.
  size_t MemoryBytes() const {
    return sizeof(ClientCard) + input_bytes + input_free + output_capacity + queue_bytes + argument_bytes +
           watch_bytes + subscription_bytes;
  }
};

class ClientDirectory {
 public:
  // Gives the card its number and puts it in.
  void Add(const std::shared_ptr<ClientCard>& card);
  void Remove(uint64_t id);
  std::shared_ptr<ClientCard> Find(uint64_t id) const;
  // By age, oldest first.
  std::vector<std::shared_ptr<ClientCard>> All() const;
  size_t size() const { return size_.load(std::memory_order_relaxed); }
  // Marks so many of those that take the most memory as closing that all others take `limit` bytes at the most, and
  // returns them, largest first. Replicas, and those that asked for it (CLIENT NO-EVICT), are left.
  std::vector<std::shared_ptr<ClientCard>> TakeLargest(size_t limit);

 private:
  std::atomic<size_t> size_{0};
  mutable storage::Mutex mutex_;
  std::map<uint64_t, std::shared_ptr<ClientCard>> cards_ GUARDED_BY(mutex_);
  uint64_t next_id_ GUARDED_BY(mutex_) = 1;
};

// The line of CLIENT LIST, without a line break.
std::string DescribeClient(const ClientCard& card, int64_t now_ms);

}  // namespace ringkv::server
