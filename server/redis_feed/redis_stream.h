// SPDX-License-Identifier: MIT
// The replication stream of Redis: the log as commands. Its bytes are numbered, and the newest ones are kept, so that a
// replica continues where it was. All Redis replicas of a server read the same bytes.
//
// A stream has an id of its own, which no other stream has, not even one of the same history: the numbers of its bytes
// mean something with this id alone. It ends when another history begins, or the log has lost what it would have to
// read next; then all replicas need a full sync of another stream.
//
// Threads: guarded.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/redis_feed/byte_window.h"
#include "storage/base/buffer_memory.h"
#include "storage/base/mutex.h"
#include "storage/base/result.h"
#include "storage/log/log_tail.h"
#include "storage/redis/command_encoder.h"

namespace ringkv::server {

class RedisStream {
 public:
  // `id`: 40 hexadecimal digits. `begun`: the last group before the stream; `tail` reads those behind it. `buffers`
  // counts its memory.
  RedisStream(std::string id, storage::Lsn begun, int64_t offset, std::unique_ptr<storage::LogTail> tail,
              storage::BufferMemory& buffers);

  const std::string& id() const { return id_; }

  // Reads what the log has by now, but not too much at once: true if there is more. An error: the stream has ended.
  struct Upkeep {
    int64_t now_ms = 0;
    int64_t ping_every_ms = 10'000;
    size_t backlog_bytes = 0;
  };
  storage::Result<bool> Advance(const Upkeep& upkeep);
  // Sends a command, such as a published message, to replicas after the group `after`. With the first one that waits,
  // wake those who advance the stream.
  enum class Queued : uint8_t { kFirst, kBehindOthers, kNot };  // kNot: too many wait
  Queued Queue(storage::Lsn after, std::string command);
  Queued Publish(storage::Lsn after, bool in_shard, std::string_view channel, std::string_view message);
  // The replicas shall acknowledge the group as soon as they have it.
  void AskForAck(storage::Lsn lsn);

  // The number of the last byte, as in master_repl_offset, and of the first one that is kept.
  struct Numbers {
    int64_t last = 0;
    int64_t first = 0;
    size_t bytes = 0;
  };
  Numbers numbers() const;
  // The last group that is complete with this byte, as far as known.
  storage::Lsn LsnAt(int64_t offset) const;
  // The number of the last byte of this group.
  int64_t OffsetAt(storage::Lsn lsn) const;

  // --- for one replica ---
  struct Reader {
    int64_t next = 0;  // the number of the byte to read next
  };
  // A full sync begins after this group and this byte.
  struct Start {
    uint64_t number = 0;  // of the sync
    storage::Lsn lsn = 0;
    int64_t offset = 0;
  };
  Start BeginSync();
  // Appends the messages that the stream has sent since the last call, as commands.
  void TakeMessages(const Start& start, std::string* commands);
  // How much that would be.
  size_t MessageBytes(const Start& start) const;
  // The full sync is complete up to group `last`, and `sent` bytes of commands belong to it, all messages up to now
  // (appended to `messages`) aside. From here on the replica reads the stream. Returns the bytes that it misses to the
  // stream's number: they have to be sent as padding. None if the stream is ahead of that group; then nothing has
  // changed.
  std::optional<int64_t> EndSync(const Start& start, storage::Lsn last, int64_t sent, std::string* messages,
                                 Reader* reader);
  // The sync collects no messages any more. Call it however the sync ends.
  void StopSync(const Start& start);
  // The replica has all bytes of its sync. Until then a replica that is among them can't continue from the stream,
  // which has others under these numbers.
  void ForgetSync(const Start& start);
  // Continues with this byte. False if it is not there any more, or not yet.
  bool Resume(int64_t next, Reader* reader);
  void Leave(Reader* reader);
  // The next bytes, from `*offset` on; null if there are none.
  std::shared_ptr<const std::string> Read(Reader* reader, size_t* offset);
  size_t Waiting(const Reader& reader) const;

 private:
  storage::Result<bool> ReadLog() REQUIRES(mutex_);
  storage::Status TakeFrames() REQUIRES(mutex_);
  bool CatchUp(storage::Lsn last) REQUIRES(mutex_);
  void Pad(int64_t bytes) REQUIRES(mutex_);
  void CoverSync(const Start& start) REQUIRES(mutex_);
  bool EncodeFrame(std::string_view bytes) REQUIRES(mutex_);
  bool EncodeGroup(std::string_view effects) REQUIRES(mutex_);
  void TakePublished() REQUIRES(mutex_);
  void Flush() REQUIRES(mutex_);
  void Trim(size_t backlog_bytes) REQUIRES(mutex_);
  void CountMemory() REQUIRES(mutex_);

  const std::string id_;
  std::atomic<storage::Lsn> wanted_ack_{0};

  mutable storage::Mutex mutex_;
  const std::unique_ptr<storage::LogTail> tail_ GUARDED_BY(mutex_);
  ByteWindow window_ GUARDED_BY(mutex_);
  storage::Lsn last_ GUARDED_BY(mutex_);  // encoded
  bool has_ended_ GUARDED_BY(mutex_) = false;
  storage::FrameList frames_ GUARDED_BY(mutex_);
  std::vector<storage::EffectRecord> group_ GUARDED_BY(mutex_);
  std::string bytes_ GUARDED_BY(mutex_);  // not in the window yet
  storage::CommandEncoder encoder_ GUARDED_BY(mutex_){&bytes_};
  int64_t last_ping_ms_ GUARDED_BY(mutex_) = 0;
  storage::Lsn asked_ack_ GUARDED_BY(mutex_) = 0;
  struct Mark {
    int64_t offset;
    storage::Lsn lsn;
  };
  std::deque<Mark> marks_ GUARDED_BY(mutex_);  // ascending; the first is where the known part begins
  std::vector<Reader*> readers_ GUARDED_BY(mutex_);
  uint64_t last_sync_ GUARDED_BY(mutex_) = 0;
  struct Sync {
    uint64_t number;
    int64_t begin;
    int64_t end;
  };
  std::vector<Sync> syncs_ GUARDED_BY(mutex_);                   // whose replicas may not have all of it yet
  std::map<uint64_t, std::string> messages_ GUARDED_BY(mutex_);  // by the number of a sync that has not taken them
  storage::BufferMemory::Share memory_ GUARDED_BY(mutex_);

  struct Published {
    storage::Lsn after;
    std::string command;
  };
  storage::Mutex published_mutex_;  // taken after the other
  std::deque<Published> published_ GUARDED_BY(published_mutex_);
  size_t published_bytes_ GUARDED_BY(published_mutex_) = 0;
  storage::BufferMemory::Share published_memory_ GUARDED_BY(published_mutex_);
};

}  // namespace ringkv::server
