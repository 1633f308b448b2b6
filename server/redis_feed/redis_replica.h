// SPDX-License-Identifier: MIT
// The protocol with one Redis replica, without a socket, a thread or a clock: bytes from it and the time go in, bytes
// for it come out. It continues in the stream, or gets a full sync first.
//
// Output that the replica has not read yet is bounded by client-output-buffer-limit.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "resp/request_parser.h"
#include "server/config/output_limit.h"
#include "server/redis_feed/redis_full_sync.h"

namespace ringkv::server {

// The request of the replica.
struct RedisSyncRequest {
  bool acknowledges = false;       // PSYNC; one that sent SYNC need not
  std::string history = "?";       // of its data; "?" for none
  int64_t next = -1;               // the number of the byte that it needs next
  bool takes_end_mark = false;     // CAPA EOF
  bool takes_new_history = false;  // CAPA PSYNC2
};

class RedisReplica {
 public:
  // `stream` is up to date.
  RedisReplica(std::shared_ptr<RedisStream> stream, RedisSyncRequest request);
  ~RedisReplica();
  RedisReplica(const RedisReplica&) = delete;
  RedisReplica& operator=(const RedisReplica&) = delete;

  // Continues where the replica is. False if that isn't possible.
  bool Continue(int64_t now_ms);
  // Or else. `tail_behind`: makes a reader of the log from behind a group on.
  void BeginFullSync(RedisFullSync::World world,
                     const std::function<std::unique_ptr<storage::LogTail>(storage::Lsn)>& tail_behind,
                     storage::UnixMs now, int64_t now_ms);

  struct Settings {
    const OutputLimit& output;
    int64_t backlog_bytes = 0;
    int64_t timeout_ms = 0;
    int64_t ping_every_ms = 0;
  };
  enum class Next : uint8_t {
    kWait,    // until there is more in the log, or the replica has read or sent something
    kAgain,   // there is more in the log
    kCopied,  // it has made a part of a file, and there is more to do
  };
  // Takes what is new in the log, and has the next output ready. An error ends the link.
  storage::Result<Next> Step(int64_t now_ms, const Settings& settings);
  // The log has to be written up to here before there is more to send; 0 if it need not.
  storage::Lsn awaited() const { return sync_ == nullptr ? 0 : sync_->awaited(); }

  // What is to be sent now. Valid until Sent or Step.
  std::string_view Output() const { return left_; }
  void Sent(size_t bytes, int64_t now_ms);
  // Bytes from the replica.
  storage::Status Take(std::string_view bytes, int64_t now_ms);

  enum class State : uint8_t {
    kSendingFile,
    kAwaitingLoad,  // it looks for the end of the file until it acknowledges something
    kOnline,
  };
  State state() const { return state_; }
  int64_t acknowledged() const { return acknowledged_; }
  storage::Lsn acknowledged_lsn() const { return acknowledged_lsn_; }
  int64_t last_ack_ms() const { return last_ack_ms_; }
  size_t waiting_bytes() const;
  uint64_t keys_sent() const { return sync_ == nullptr ? 0 : sync_->keys(); }

 private:
  storage::Status Refill(int64_t now_ms, bool* has_copied);
  void RefillOnline();
  storage::Status CheckLimits(int64_t now_ms, const Settings& settings);
  storage::Status Obey(std::span<const std::string_view> argv, int64_t now_ms);
  void BeOnline(int64_t now_ms);

  const std::shared_ptr<RedisStream> stream_;
  const RedisSyncRequest request_;
  State state_ = State::kSendingFile;
  std::unique_ptr<RedisFullSync> sync_;  // until the replica has all that belongs to it
  RedisStream::Reader reader_;

  // What is being sent: one of the two.
  std::string own_;
  std::shared_ptr<const std::string> block_;
  std::string_view left_;
  OutputLimitWatch watch_;

  std::string received_;
  resp::RequestParser parser_;
  int64_t acknowledged_ = 0;
  storage::Lsn acknowledged_lsn_ = 0;
  int64_t last_ack_ms_ = 0;
  int64_t last_progress_ms_ = 0;
};

}  // namespace ringkv::server
