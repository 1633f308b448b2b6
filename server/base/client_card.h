// SPDX-License-Identifier: MIT
// The state of a client that any thread may read.
//
// Threads: numbers are atomic and written by the client's thread; texts are guarded.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "server/base/shared_text.h"
#include "storage/base/db_index.h"

namespace ringkv::server {

struct Command;

struct ClientCard {
  // Constant once the client is in the directory.
  uint64_t id = 0;
  std::string address;  // of the peer: ip:port, or the socket's path with :0
  std::string local_address;
  bool is_unix = false;
  bool is_http = false;
  bool is_tls = false;
  bool is_script = false;  // of the calls of scripts; it is no client
  bool is_local = false;   // a loopback address or a Unix socket
  int descriptor = -1;
  int64_t connected_ms = 0;

  std::atomic<size_t> thread{0};  // that serves it, or will do so soon
  std::atomic<int64_t> last_used_ms{0};
  std::atomic<storage::DbIndex> db{0};
  std::atomic<int> protocol{2};
  std::atomic<int> queued_commands{-1};  // -1: not in MULTI
  std::atomic<const Command*> last_command{nullptr};
  std::atomic<size_t> input_bytes{0};
  std::atomic<size_t> input_free{0};  // of the input's memory; without what is reserved and was never filled
  std::atomic<size_t> argument_bytes{0};
  std::atomic<size_t> queue_bytes{0};
  std::atomic<size_t> watch_bytes{0};
  std::atomic<size_t> watched_keys{0};
  std::atomic<uint64_t> received_bytes{0};  // in all
  std::atomic<uint64_t> sent_bytes{0};
  std::atomic<uint64_t> commands{0};  // executed
  std::atomic<size_t> subscription_bytes{0};
  std::atomic<size_t> output_bytes{0};
  std::atomic<size_t> output_peak{0};  // of output_bytes, lately
  std::atomic<size_t> output_capacity{0};
  std::array<std::atomic<size_t>, 3> subscriptions{};  // to channels, patterns, shard channels
  std::atomic<bool> is_monitor{false};
  std::atomic<bool> is_paused{false};       // its request is postponed, by CLIENT PAUSE or another state of the server
  std::atomic<bool> is_waiting{false};      // in WAIT or in a blocking command
  std::atomic<bool> waits_for_work{false};  // likewise, where CLIENT UNBLOCK has no effect
  std::atomic<bool> wait_ends{false};       // at a time, even if what it waits for does not come
  std::atomic<bool> is_closing{false};
  std::atomic<bool> no_evict{false};
  std::atomic<bool> no_touch{false};
  std::atomic<bool> imports{false};            // CLIENT IMPORT-SOURCE
  std::atomic<bool> follows_redirects{false};  // CLIENT CAPA redirect
  std::atomic<bool> watch_failed{false};
  std::atomic<bool> tracks{false};               // CLIENT TRACKING
  std::atomic<bool> tracks_prefixes{false};      // BCAST
  std::atomic<bool> has_broken_redirect{false};  // REDIRECT, to a client that has gone
  std::atomic<int64_t> redirect{-1};             // that client; 0: none; -1: it does not track
  std::atomic<bool> has_left{false};             // it is not in the directory any more
  std::atomic<bool> is_replica{false};
  std::atomic<int> replica_port{0};  // REPLCONF listening-port
  SharedText replica_host;           // REPLCONF ip-address
  std::atomic<uint64_t> user_id{0};  // of its account; 0: of no user, but of another server
  SharedText user;
  SharedText name;
  SharedText library_name;
  SharedText library_version;

  bool is_subscriber() const { return subscriptions[0] + subscriptions[1] + subscriptions[2] > 0; }
  // The client's memory, as maxmemory-clients counts it.
  size_t MemoryBytes() const {
    return sizeof(ClientCard) + input_bytes + input_free + output_capacity + queue_bytes + argument_bytes +
           watch_bytes + subscription_bytes;
  }
};

}  // namespace ringkv::server
