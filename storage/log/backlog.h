// SPDX-License-Identifier: MIT
// The newest frames of the log in memory, for replication: a bounded queue that drops the oldest.
//
// Threads: guarded; its lock comes after the log writer's.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/buffer_memory.h"
#include "storage/log/log_writer.h"

namespace ringkv::storage {

// Encoded frames, shared by all feeds.
using FrameList = std::vector<std::shared_ptr<const std::string>>;

class Backlog final : public FrameSink {
 public:
  // `buffers`, which must outlive it, counts its memory.
  explicit Backlog(BufferMemory& buffers) : memory_(buffers), coming_(buffers) {}

  class Listener {
   public:
    virtual ~Listener() = default;
    // A frame was added. Must be quick and must not call back.
    virtual void FrameArrived() = 0;
  };

  // Keeps the newest frame, whatever its size, and as many older ones as fit into `bytes` with it.
  void SetLimit(size_t bytes);
  // Drops all frames; the next frame begins after `last`.
  void Clear(Lsn last);

  void Attached(Lsn last) override { Clear(last); }
  Status Write(const LogFrame& frame, std::string_view bytes) override;
  Status Skipped(Lsn last) override;

  enum class ReadResult : uint8_t { kFrames, kNothingYet, kGone };
  // The frames from the one with group `next` on: about `most` bytes, at least one frame. `behind`: the group after
  // them.
  ReadResult Read(Lsn next, size_t most, FrameList* frames, Lsn* behind) const;

  void AddListener(Listener* listener);
  void RemoveListener(Listener* listener);

  // Number of Clear calls: LSNs from before another clear are not comparable.
  uint64_t lives() const;
  // The first group in the backlog, or the next one if it is empty.
  Lsn first() const;
  Lsn last() const;
  size_t bytes() const;

 private:
  struct Held {
    Lsn first;
    Lsn last;
    std::shared_ptr<const std::string> bytes;
  };
  void Trim() REQUIRES(mutex_);
  void CountMemory() REQUIRES(mutex_);

  mutable Mutex mutex_;
  size_t limit_ GUARDED_BY(mutex_) = 16 << 20;
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  size_t memory_bytes_ GUARDED_BY(mutex_) = 0;
  Lsn last_ GUARDED_BY(mutex_) = 0;
  uint64_t lives_ GUARDED_BY(mutex_) = 0;
  std::deque<Held> frames_ GUARDED_BY(mutex_);
  BufferMemory::Share memory_ GUARDED_BY(mutex_);
  BufferMemory::Share coming_;  // a frame that is being copied, by the thread that writes
  std::vector<Listener*> listeners_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::storage
