// SPDX-License-Identifier: MIT
// Migration from Redis: follows a Redis server like one of its replicas (PSYNC: an RDB file, then its command stream)
// until it is stopped. The commands execute like those of a client, so they are logged and replicated. Keys of
// unsupported types are logged and counted.
//
// As on a replica of Redis, keys expire when the Redis server says so: until the link is stopped, expired keys are
// hidden from clients, and nothing is evicted.
//
// Threads: one of its own; other state is guarded or atomic.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "resp/buffer.h"
#include "resp/reply_writer.h"
#include "resp/request_parser.h"
#include "server/base/shared_text.h"
#include "server/base/world.h"
#include "server/node_link/link_phase.h"
#include "server/node_link/link_socket.h"
#include "server/session/session.h"
#include "server/session/thread_state.h"
#include "storage/disk/file_system.h"

namespace ringkv::server {

struct ExecutionParts;

class RedisLink {
 public:
  // All references must outlive the link. It is a source of the needs: clients can't write while it runs.
  RedisLink(const ExecutionParts& parts, World world, WatchedKeys& watched_keys);
  ~RedisLink();

  // Starts to follow. An error if this server has data that would be replaced.
  storage::Status Start(PrimaryAddress redis);
  // After it returns, no more commands are executed. The data stays.
  void Stop();
  bool is_running() const { return is_running_.load(std::memory_order_relaxed); }

  PrimaryAddress target();
  LinkPhase phase() const { return phase_.load(); }
  int64_t last_received_ms() const { return last_received_ms_.load(); }
  // The offset in the Redis server's stream up to which commands have been executed, in bytes. It stands still while a
  // transaction is queued.
  int64_t offset() const { return offset_.load(); }
  // Why the link ended last; empty if it has not ended.
  std::string last_error() const { return last_error_.Get(); }
  // It ended for a reason that another attempt would meet again. Clients can't write before Stop nevertheless.
  bool has_ended() const { return has_ended_.load(); }
  uint64_t keys_left_out() const { return keys_left_out_.load(); }
  uint64_t commands_left_out() const { return commands_left_out_.load(); }

 private:
  void Run();
  // Changes the store's authority if it is `from`.
  void ChangeAuthority(storage::Authority from, storage::Authority to);
  storage::Status FollowOnce();
  storage::Status Handshake(PeerSocket& socket);
  storage::Status TakeFile(PeerSocket& socket);
  storage::Status ReceiveFile(PeerSocket& socket, const std::string& header);
  storage::Status LoadFile();
  storage::Status LoadLibrary(const std::string& code);
  storage::Status TakeCommands(PeerSocket& socket);
  storage::Status Execute(PeerSocket& socket, std::span<const std::string_view> argv);
  enum class Ended : uint8_t { kDone, kMeansConnection, kGivenUp };
  // The reply is in replies_. kMeansConnection: the command asks for more than that; kGivenUp: the link was stopped
  // before it was executed.
  Ended ExecuteHere(std::span<const std::string_view> argv);
  // An error, which ends the link, if this server has no such database.
  storage::Status CheckDatabase(std::string_view db);
  storage::Status Acknowledge(PeerSocket& socket);
  void LeaveOutKey(const std::string& type, const std::string& key);
  // `errors`: how many commands failed; several in EXEC.
  void LeaveOutCommand(std::span<const std::string_view> argv, const std::string& why, uint64_t errors = 1);
  void Rest(std::chrono::milliseconds duration);
  std::string FilePath() const { return "migrate-from.rdb.tmp"; }
  std::string MarkPath() const { return "migrate-from.mark"; }

  const ExecutionParts& parts_;
  const World world_;
  WatchedKeys& watched_keys_;
  storage::FileSystem& files_;
  std::atomic<bool> is_running_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> has_ended_{false};
  std::atomic<LinkPhase> phase_{LinkPhase::kNone};
  std::atomic<int64_t> last_received_ms_{0};
  std::atomic<int64_t> offset_{0};
  SharedText last_error_;
  std::atomic<uint64_t> keys_left_out_{0};
  std::atomic<uint64_t> commands_left_out_{0};

  storage::Mutex mutex_;
  std::condition_variable changed_;
  PrimaryAddress target_ GUARDED_BY(mutex_);
  LinkSocket socket_;
  storage::Mutex join_mutex_;  // before `mutex_`: several clients may stop the link at once
  std::thread thread_ GUARDED_BY(join_mutex_);

  // Used by the link's thread only.
  std::unique_ptr<ThreadState> state_;
  std::unique_ptr<Session> session_;
  resp::Buffer replies_;
  resp::ReplyWriter reply_{replies_, 2};
  std::string history_ = "?";
  std::chrono::milliseconds rest_{1000};   // before the next attempt
  storage::DbIndex db_ = 0;                // that is selected in the stream at offset_
  std::map<std::string, uint64_t> named_;  // number of log lines per type
};

}  // namespace ringkv::server
