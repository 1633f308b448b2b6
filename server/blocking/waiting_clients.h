// SPDX-License-Identifier: MIT
// Blocked clients by key, in the order in which they blocked.
//
// A change of a key with blocked clients is noted under that key's lock. When the changing transaction has released its
// locks, its thread (KeyObserver::Unlocked) calls the handlers of the blocked requests in order, until one finds
// nothing. So when a client has the reply to its push, the element has already gone to the blocked client. Replies are
// passed to the threads of the clients.
//
// A client is also unblocked when its request would not be admitted any more: a change of the server's role or of its
// slots calls this class. A request that was admitted before such a change and blocks after it is checked again by its
// own thread, which compares the generation.
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

class UserAccount;

// A blocked request.
struct WaitingRequest {
  std::shared_ptr<ClientCard> client;
  const CommandEntry* command = nullptr;
  std::vector<std::string> argv;
  // Or, of a request that is answered late and long: its words, and what has their bytes.
  std::vector<std::string_view> words = {};
  std::shared_ptr<const void> lent = {};
  storage::DbIndex db = 0;
  int protocol = 2;
  bool reads_from_replica = false;
  std::shared_ptr<UserAccount> user;  // null: of another server
  KeyWaitPlan plan;
  uint64_t generation = 0;  // of WaitingClients, before the request was admitted
  uint64_t ticket = 0;      // its place in the order; set by Add
  size_t memory_bytes = 0;  // of its arguments and of its keys here; set by Add
};

struct RetryResult {
  std::optional<LateAnswer> answer = {};  // none if the client stays blocked
  bool is_held_back = false;              // by what postpones requests, and not for want of data
};

class WaitingClients {
 public:
  using Waiter = std::shared_ptr<const WaitingRequest>;
  // Locks a request's keys and runs its handler again.
  using Retry = std::function<RetryResult(const WaitingRequest&, storage::Txn&)>;
  // The redirect that a request would get now; empty while this node serves its keys, and the request may stay blocked.
  using Refusal = std::function<std::string(const WaitingRequest&)>;

  // `store` must outlive it.
  explicit WaitingClients(storage::Store& store);

  // Set both before any client blocks.
  void set_retry(Retry retry) { retry_ = std::move(retry); }
  void set_refusal(Refusal refusal) { refusal_ = std::move(refusal); }
  void set_links(ClientLinks* links) { links_.store(links); }

  // Read it before any check of the request.
  uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  // Blocks a client. Its keys must be locked, so that no change is missed. The client must not be blocked yet.
  void Add(std::shared_ptr<WaitingRequest> request);
  // False if the client is not blocked any more: its reply is being delivered.
  bool Remove(uint64_t client);
  size_t size() const { return count_.load(std::memory_order_relaxed); }

  // --- called by changes of data ---
  // The key has changed; called under its lock. Returns whether clients are blocked on it.
  bool NoteChange(storage::DbIndex db, std::string_view key);
  // All keys of the database may have changed.
  bool NoteChangeOfAll(storage::DbIndex db);
  // Serves clients blocked on changed keys. `after`: the changing transaction, which holds no lock.
  void ServeReady(const storage::Txn* after);
  // Serves clients that were held back, as far as they aren't now. Call it after what held them back is over, in an I/O
  // thread: a pause that begins waits for those.
  void ServeHeldBack();
  bool has_held_back() const { return has_held_back_; }
  // Serves no client while the data is incomplete.
  void Hold(bool holds);

  // --- called by the server, without locks of data ---
  // Unblocks all clients with this error and closes their connections. `are_sent_back`: their requests are executed
  // anew instead, where they can be.
  void EndAll(std::string_view error, bool are_sent_back = false);
  // Unblocks clients whose requests are refused now.
  void EndRefused();
  // Checks one request, if one of these two was called since it was admitted.
  void EndIfRefused(const Waiter& request);

 private:
  using Key = std::pair<storage::DbIndex, std::string>;
  // A type and the condition on it. If one request finds nothing, others with an equal Sought find nothing either.
  using Sought = std::pair<storage::ValueType, std::string>;
  struct Waiters {
    std::map<Sought, std::map<uint64_t, Waiter>> queues;  // by ticket
    bool is_ready = false;
  };

  // Memory of a key besides its bytes: an entry in each of three trees.
  static constexpr size_t kTreeNodeBytes = 32;
  static constexpr size_t kKeyBytes = 3 * kTreeNodeBytes + sizeof(Key) + sizeof(Waiters) + sizeof(Sought) +
                                      sizeof(std::map<uint64_t, Waiter>) + sizeof(uint64_t) + sizeof(Waiter);

  // Without duplicates.
  static std::set<Key> KeysOf(const WaitingRequest& request);
  static Sought SoughtBy(const WaitingRequest& request) { return {request.plan.wanted, request.plan.sought}; }
  bool MarkReady(const Key& key, Waiters& waiters) REQUIRES(mutex_);
  void RemoveLocked(const Waiter& request) REQUIRES(mutex_);
  void ServeKey(const Key& key) REQUIRES(serving_);
  // The first request of each queue, by ticket.
  std::map<uint64_t, Waiter> FirstOfEach(const Key& key);
  // The next request in the queue of a served one.
  Waiter NextOf(const Key& key, const WaitingRequest& served);
  // Returns whether the request was answered.
  bool Serve(const Key& key, const Waiter& request) REQUIRES(serving_);
  void End(const Waiter& request) REQUIRES(serving_);

  Retry retry_;
  Refusal refusal_;
  std::atomic<ClientLinks*> links_{nullptr};
  std::atomic<size_t> count_{0};
  std::atomic<bool> has_ready_{false};
  std::atomic<bool> is_held_{false};
  std::atomic<bool> has_held_back_{false};
  std::atomic<uint64_t> generation_{0};

  storage::Mutex serving_;  // one thread serves at a time
  storage::Random random_ GUARDED_BY(serving_);
  storage::Txn txn_ GUARDED_BY(serving_);
  std::set<Key> held_back_ GUARDED_BY(serving_);    // keys with clients that were held back
  uint64_t ended_before_ GUARDED_BY(serving_) = 0;  // requests of an older generation, with this error:
  std::string ended_with_ GUARDED_BY(serving_);
  bool are_sent_back_ GUARDED_BY(serving_) = false;

  storage::Mutex mutex_;
  uint64_t next_ticket_ GUARDED_BY(mutex_) = 0;
  std::map<Key, Waiters> keys_ GUARDED_BY(mutex_);
  std::unordered_map<uint64_t, Waiter> clients_ GUARDED_BY(mutex_);
  std::deque<Key> ready_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
