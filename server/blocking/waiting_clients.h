// SPDX-License-Identifier: MIT
// Who waits for which key, in the order of waiting.
//
// A change of a key that somebody waits for is noted under that key's lock. When the command that made it has let go of
// its locks, its thread serves: it calls the handlers of those who wait for the key, the first one first, until one
// finds nothing. So who has seen the reply to a push finds what was pushed with the client that waited for it. Answers
// are handed to the threads of the clients.
//
// Threads: guarded. Lock order: serving_, then the locks of keys, then mutex_.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/blocking/key_wait.h"
#include "server/client_links.h"
#include "server/command/command.h"
#include "server/pubsub/key_events.h"
#include "storage/mutex.h"

namespace ringkv::server {

// A request that waits.
struct WaitingRequest {
  std::shared_ptr<ClientCard> client;
  const Command* row = nullptr;
  std::vector<std::string> argv;
  storage::DbIndex db = 0;
  int protocol = 2;
  int64_t max_string_bytes = 0;
  KeyWaitPlan plan;
};

class WaitingClients {
 public:
  // `events` must outlive it.
  explicit WaitingClients(KeyEvents& events) : events_(events) {}

  // Its keys must be locked, so that no change can be missed. The client must not wait yet.
  void Add(std::shared_ptr<const WaitingRequest> request);
  // False if the client does not wait any more: its answer is on its way.
  bool Remove(uint64_t client);
  size_t size() const { return count_.load(std::memory_order_relaxed); }

  // The key has changed; called under its lock.
  void NoteChange(storage::DbIndex db, std::string_view key);
  // All keys of the database may have.
  void NoteChangeOfAll(storage::DbIndex db);

  // Whether somebody waits for what has changed.
  bool HasReady() const { return has_ready_.load(std::memory_order_relaxed); }
  // Serves them. The transaction must hold no lock.
  void ServeReady(storage::Txn& txn, ClientLinks& links);

 private:
  using Key = std::pair<storage::DbIndex, std::string>;
  using Request = std::shared_ptr<const WaitingRequest>;
  struct Waiters {
    std::list<Request> queue;
    bool is_ready = false;
  };

  template <typename Function>
  static void ForEachKeyOf(const WaitingRequest& request, Function&& function);
  void RemoveLocked(const Request& request) REQUIRES(mutex_);
  void ServeKey(const Key& key, storage::Txn& txn, ClientLinks& links) REQUIRES(serving_);
  // What requests look for: a type, and what in it.
  using Sought = std::set<std::pair<storage::ValueType, std::string_view>>;
  // The first who waits for the key and looks for nothing that others have looked for in vain.
  Request FirstBut(const Key& key, const Sought& in_vain);
  // Whether it was answered.
  bool Serve(const Request& request, storage::Txn& txn, ClientLinks& links) REQUIRES(serving_);

  KeyEvents& events_;
  std::atomic<size_t> count_{0};
  std::atomic<bool> has_ready_{false};
  storage::Mutex serving_;
  storage::Mutex mutex_;
  std::map<Key, Waiters> keys_ GUARDED_BY(mutex_);
  std::unordered_map<uint64_t, Request> clients_ GUARDED_BY(mutex_);
  std::deque<Key> ready_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
