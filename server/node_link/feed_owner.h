// SPDX-License-Identifier: MIT
// What the feeds of replicas, of RingKV and of Redis, ask of their owner and tell it. Called from any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "storage/base/lsn.h"
#include "storage/log/log_tail.h"

namespace ringkv::server {

class FeedOwner {
 public:
  virtual ~FeedOwner() = default;
  virtual std::string history_id() = 0;
  // Reads the log from this group on.
  virtual std::unique_ptr<storage::LogTail> TailFrom(storage::Lsn next) = 0;
  virtual void NoteSync(bool is_partial, bool was_asked_for_partial) = 0;
  virtual void NoteAck() = 0;
  virtual void NoteFeedChange() = 0;
  virtual void NoteBytesOut(size_t bytes) = 0;
};

}  // namespace ringkv::server
