// SPDX-License-Identifier: MIT
// MIGRATE: sends keys to another server with RESTORE, and deletes them here when it has them. Threads of their own do
// that while the client is blocked, so no I/O thread waits for the other server. Its keys are fenced while a thread is
// at work on it: nobody changes them between the copy and the deletion (server/base/key_fence.h). A request that waits
// for a thread, or for another one that has its keys, fences nothing, and fails when its timeout is over. Requests to
// one target get a part of the threads only, so a target that hangs does not keep the others waiting. CLIENT KILL gives
// a request up.
//
// Inside EXEC or a script the keys are locked by that, which copies and deletes them itself (HeldKeys): then there is
// no fence, and no answer to the client.
//
// Connections stay open for a while, because tools that move slots send a few keys at a time.
//
// Threads: synchronised.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/migration/key_transfer.h"
#include "server/migration/migrate_connection.h"
#include "server/migration/migrate_request.h"
#include "server/session/thread_state.h"
#include "storage/base/lsn.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

struct ExecutionParts;
class WatchedKeys;

class KeyMigrations {
 public:
  // All references must outlive the object. `threads`: of clients.
  KeyMigrations(const ExecutionParts& parts, WatchedKeys& watched_keys,
                const std::vector<std::unique_ptr<ThreadState>>& threads)
      : parts_(parts), watched_keys_(watched_keys), threads_(threads) {}
  ~KeyMigrations() { Stop(); }
  KeyMigrations(const KeyMigrations&) = delete;
  KeyMigrations& operator=(const KeyMigrations&) = delete;

  // The client is answered at the end, or the result is given to HeldKeys.
  void Start(MigrateRequest request);
  // Ends those with locked keys, so that who waits for these locks need not wait for the timeout.
  void GiveUpHeld();
  // Gives up what is under way: keys that are not deleted yet stay. Clients get no answer.
  void Stop();
  // Call several times per second: closes connections that have not been used for a while, and ends requests that have
  // waited too long.
  void Tick();
  size_t cached_connections();

 private:
  static constexpr size_t kMostThreads = 32;
  static constexpr size_t kMostForOneTarget = 4;
  static constexpr size_t kMostCached = 64;
  static constexpr int64_t kCachedMs = 10'000;

  struct Cached {
    std::shared_ptr<MigrateConnection> connection;
    int64_t last_used_ms;
  };
  struct Waiting {
    MigrateRequest request;
    int64_t deadline_ms;
  };
  // A request that a thread is at work on.
  struct Running {
    explicit Running(MigrateRequest request_in) : request(std::move(request_in)) {}

    MigrateRequest request;
    std::atomic<bool> gives_up{false};
    std::shared_ptr<MigrateConnection> connection = nullptr;  // guarded by the mutex
  };
  // The end of the deletion: an error, or the LSN that the reply depends on.
  struct Deleted {
    bool was_postponed = false;
    std::string error;
    storage::Lsn lsn = 0;
  };

  void Run();
  // The next request, with its keys fenced; null at the end.
  std::shared_ptr<Running> Next();
  std::shared_ptr<Running> TakeWaiting() REQUIRES(mutex_);
  bool HasRoomFor(const MigrateTarget& target) REQUIRES(mutex_);
  // Of a request that waits: whether it is begun, and its keys are fenced from now on.
  bool MayBegin(const MigrateRequest& request) REQUIRES(mutex_);
  // Gives up the requests of clients that are being closed.
  void EndKilled();
  static void GiveUp(Running& running);
  std::vector<Waiting> TakeExpired(int64_t now_ms);
  void Execute(Running& running);
  void ExecuteFenced(Running& running);
  TransferResult TransferIfWritable(Running& running);
  TransferResult Transfer(Running& running);
  TransferResult TransferOverNew(Running& running);
  TransferResult TransferOver(std::shared_ptr<MigrateConnection> connection, Running& running);
  TransferResult TransferCopies(MigrateConnection& connection, Running& running);
  // False if the request is given up.
  bool Use(const std::shared_ptr<MigrateConnection>& connection, Running& running);
  // `term`: that of the copy. In another one the keys may have other values, which stay.
  Deleted Delete(const MigrateRequest& request, uint32_t term, const std::vector<std::string>& keys);
  Deleted DeleteOnce(const MigrateRequest& request, uint32_t term, const std::vector<std::string>& keys);
  // Runs in the I/O thread of the client.
  Deleted DeleteHere(ThreadState& thread, uint32_t term, storage::DbIndex db, const std::vector<std::string>& words);
  void Answer(const MigrateRequest& request, std::string_view error, storage::Lsn lsn, int64_t started_us);
  void ReleaseKeys(const std::vector<std::string>& keys);
  std::shared_ptr<MigrateConnection> TakeCached(const MigrateTarget& target);
  void Keep(std::shared_ptr<MigrateConnection> connection);

  const ExecutionParts& parts_;
  WatchedKeys& watched_keys_;
  const std::vector<std::unique_ptr<ThreadState>>& threads_;
  std::atomic<bool> stopping_{false};
  storage::Mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> waiting_ GUARDED_BY(mutex_);
  size_t idle_threads_ GUARDED_BY(mutex_) = 0;
  std::vector<std::thread> workers_ GUARDED_BY(mutex_);
  std::vector<Cached> cached_ GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Running>> running_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
