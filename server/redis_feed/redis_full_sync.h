// SPDX-License-Identifier: MIT
// A full sync for one Redis replica: the bytes of an RDB file, and the commands that bring the replica from there to
// the stream. The file is made as fast as the replica reads; if its length has to be said first, it is spooled.
//
// The replica needs fewer commands than the stream has meanwhile, since much of that is in the file. Padding makes up
// for the difference, so that its offset is that of all others when it begins to read the stream.
//
// Threads: confined.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "server/redis_feed/redis_stream.h"
#include "storage/disk/file_system.h"
#include "storage/redis/rdb_sync.h"

namespace ringkv::server {

class RedisFullSync {
 public:
  struct World {
    storage::Store& store;
    storage::FileSystem& files;
    std::string spool_path;
    std::string end_mark;  // 40 random digits; empty: the file's length comes before it
  };
  // Begins where the stream is. `tail`: reads the log from there on.
  RedisFullSync(World world, RedisStream& stream, const RedisStream::Start& start,
                std::unique_ptr<storage::LogTail> tail, storage::UnixMs now);
  ~RedisFullSync() { stream_.StopSync(start_); }
  RedisFullSync(const RedisFullSync&) = delete;
  RedisFullSync& operator=(const RedisFullSync&) = delete;

  const RedisStream::Start& start() const { return start_; }

  // Takes what is new in the log, but not too much at once, and the messages that were published, until the replica
  // reads the stream. True if there is more.
  storage::Result<bool> ReadChanges();
  // Appends the next bytes of the file to `out`, its head included. Nothing may be there yet: then call again, at once
  // if `*has_copied`, else when the log has been written up to `awaited`, or after a while.
  storage::Status NextOfFile(int64_t now_ms, RedisStream::Reader* reader, std::string* out, bool* has_copied);
  bool is_file_made() const { return phase_ == Phase::kDone; }
  storage::Lsn awaited() const { return awaited_; }
  // From now on the replica's reader is one of the stream.
  bool has_joined() const { return phase_ > Phase::kJoining; }
  // Appends the next of the commands behind the file. False if there are none any more.
  bool NextCommands(std::string* out);

  // Of the commands and messages that wait.
  size_t waiting_bytes() const { return command_bytes_ + stream_.MessageBytes(start_); }
  // The offset of the replica when it has all commands.
  int64_t end() const { return end_; }
  uint64_t keys() const { return file_.keys(); }

 private:
  enum class Phase : uint8_t { kMaking, kJoining, kReadingSpool, kDone };

  bool is_spooled() const { return world_.end_mark.empty(); }
  storage::Status MakePart(int64_t now_ms, std::string* out, bool* has_copied);
  storage::Status Join(RedisStream::Reader* reader);
  // Takes the changes of the frames that were read.
  storage::Status TakeFrames();
  void TakeMessages();
  void NoteCommands(size_t bytes, size_t memory);
  storage::Status ReadSpool(std::string* out);

  const World world_;
  RedisStream& stream_;
  const RedisStream::Start start_;
  const std::unique_ptr<storage::LogTail> tail_;
  storage::RdbSync file_;
  storage::FrameList frames_;
  Phase phase_ = Phase::kMaking;
  storage::Lsn awaited_ = 0;
  std::string part_;  // of the file, to be sent or spooled
  bool has_said_head_ = false;
  std::unique_ptr<storage::File> spool_;
  uint64_t spooled_bytes_ = 0;
  uint64_t read_bytes_ = 0;
  int64_t last_newline_ms_ = 0;
  std::deque<std::string> commands_;
  size_t command_bytes_ = 0;
  size_t command_memory_ = 0;
  storage::BufferMemory::Share memory_;  // of the commands
  int64_t all_command_bytes_ = 0;        // also of those that were sent
  int64_t padding_bytes_ = 0;
  int64_t end_ = 0;
};

}  // namespace ringkv::server
