// SPDX-License-Identifier: MIT
// Who waits for which key, in the order of waiting.
//
// A change of a key that somebody waits for is noted under that key's lock. When the transaction that made it has let
// go of its locks, its thread serves, whoever that is (KeyObserver::Unlocked): it calls the handlers of those who wait
// for the key, the first one first, until one finds nothing. So who has seen the reply to a push finds what was pushed
// with the client that waited for it. Answers are handed to the threads of the clients.
//
// A wait also ends when the request would not be admitted any more: whoever changes the role of this server, or which
// slots it serves, says so here. A request that was admitted before and waits only after that is looked at again by its
// own thread, which the generation tells.
//
// Threads: guarded. Lock order: serving_, then the locks of keys, then mutex_.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/base/client_links.h"
#include "server/blocking/key_wait.h"
#include "server/command/command_table.h"
#include "storage/base/mutex.h"
#include "storage/base/random.h"

namespace ringkv::server {

// A request that waits.
struct WaitingRequest {
  std::shared_ptr<ClientCard> client;
  const CommandEntry* command = nullptr;
  std::vector<std::string> argv;
  storage::DbIndex db = 0;
  int protocol = 2;
  bool reads_from_replica = false;
  KeyWaitPlan plan;
  uint64_t generation = 0;  // of WaitingClients, before the request was admitted
  uint64_t ticket = 0;      // its place in the order of waiting; given by Add
  size_t memory_bytes = 0;  // of its arguments, and of its keys as WaitingClients holds them; given by Add
};

class WaitingClients {
 public:
  using Waiter = std::shared_ptr<const WaitingRequest>;
  // Locks a request's keys and calls its command again; nothing if that waits on.
  using Retry = std::function<std::optional<LateAnswer>(const WaitingRequest&, storage::Txn&)>;
  // The error that a request would be answered now for another reason than its keys; empty while it may wait.
  using Refusal = std::function<std::string(const WaitingRequest&)>;

  // `store` must outlive it.
  explicit WaitingClients(storage::Store& store);

  // Both before anybody waits.
  void set_retry(Retry retry) { retry_ = std::move(retry); }
  void set_refusal(Refusal refusal) { refusal_ = std::move(refusal); }
  void set_links(ClientLinks* links) { links_.store(links); }

  // To be read before the request is looked at in any way.
  uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  // Its keys must be locked, so that no change can be missed. The client must not wait yet.
  void Add(std::shared_ptr<WaitingRequest> request);
  // False if the client does not wait any more: its answer is on its way.
  bool Remove(uint64_t client);
  size_t size() const { return count_.load(std::memory_order_relaxed); }

  // --- what the data does ---
  // The key has changed; called under its lock. Whether somebody waits for it.
  bool NoteChange(storage::DbIndex db, std::string_view key);
  // All keys of the database may have.
  bool NoteChangeOfAll(storage::DbIndex db);
  // Serves who waits for what has changed. `after`: the transaction that has made the change; it holds no lock.
  void ServeReady(const storage::Txn* after);
  // Nobody is served while the data are but a part of what they will be.
  void Hold(bool holds);

  // --- what the server does; not to be called with data locked ---
  // Ends all waits with this error, and the connections.
  void EndAll(std::string_view error);
  // Ends those that are refused by now.
  void EndRefused();
  // Of one request, if there was a call of these two since it was admitted.
  void EndIfRefused(const Waiter& request);

 private:
  using Key = std::pair<storage::DbIndex, std::string>;
  // What requests look for: a type, and what in it. What one has found nothing of, no other one finds.
  using Sought = std::pair<storage::ValueType, std::string>;
  struct Waiters {
    std::map<Sought, std::map<uint64_t, Waiter>> queues;  // by ticket
    bool is_ready = false;
  };

  // What a key costs, but for its bytes: an entry of each of three trees.
  static constexpr size_t kTreeNodeBytes = 32;
  static constexpr size_t kKeyBytes = 3 * kTreeNodeBytes + sizeof(Key) + sizeof(Waiters) + sizeof(Sought) +
                                      sizeof(std::map<uint64_t, Waiter>) + sizeof(uint64_t) + sizeof(Waiter);

  // Each once, though it be named twice.
  static std::set<Key> KeysOf(const WaitingRequest& request);
  static Sought SoughtBy(const WaitingRequest& request) { return {request.plan.wanted, request.plan.sought}; }
  bool MarkReady(const Key& key, Waiters& waiters) REQUIRES(mutex_);
  void RemoveLocked(const Waiter& request) REQUIRES(mutex_);
  void ServeKey(const Key& key) REQUIRES(serving_);
  // The first one of each queue, by ticket.
  std::map<uint64_t, Waiter> FirstOfEach(const Key& key);
  // Who is the first now where this one was.
  Waiter NextOf(const Key& key, const WaitingRequest& served);
  // Whether it was answered.
  bool Serve(const Waiter& request) REQUIRES(serving_);
  void End(const Waiter& request) REQUIRES(serving_);

  Retry retry_;
  Refusal refusal_;
  std::atomic<ClientLinks*> links_{nullptr};
  std::atomic<size_t> count_{0};
  std::atomic<bool> has_ready_{false};
  std::atomic<bool> is_held_{false};
  std::atomic<uint64_t> generation_{0};

  storage::Mutex serving_;  // one thread serves at a time
  storage::Random random_ GUARDED_BY(serving_);
  storage::Txn txn_ GUARDED_BY(serving_);
  uint64_t ended_before_ GUARDED_BY(serving_) = 0;  // requests of an older generation, with this error:
  std::string ended_with_ GUARDED_BY(serving_);

  storage::Mutex mutex_;
  uint64_t next_ticket_ GUARDED_BY(mutex_) = 0;
  std::map<Key, Waiters> keys_ GUARDED_BY(mutex_);
  std::unordered_map<uint64_t, Waiter> clients_ GUARDED_BY(mutex_);
  std::deque<Key> ready_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
