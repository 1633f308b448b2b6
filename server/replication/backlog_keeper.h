// SPDX-License-Identifier: MIT
// Keeps the replication backlog while replicas use it, or acknowledgements need LSNs, and frees it repl-backlog-ttl
// after that.
//
// Threads: synchronised.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "server/replication/replication_parts.h"
#include "storage/base/lsn.h"
#include "storage/base/mutex.h"
#include "storage/log/backlog.h"
#include "storage/log/log_tail.h"

namespace ringkv::server {

class BacklogKeeper {
 public:
  // `parts` must outlive the object.
  explicit BacklogKeeper(const ReplicationParts& parts) : parts_(parts) {}

  storage::Backlog& backlog() { return backlog_; }
  bool is_kept() const { return is_kept_.load(); }
  // The first LSN and the bytes of the backlog; 0 if it is not kept.
  storage::Lsn first() { return is_kept() ? backlog_.first() : 0; }
  size_t bytes() { return is_kept() ? backlog_.bytes() : 0; }
  // Reads the log from this group on, in memory or from its files.
  std::unique_ptr<storage::LogTail> TailFrom(storage::Lsn next);

  // From now on every change has an LSN and stays in the backlog for a while. True if it was not kept before.
  bool Keep();
  // It is in use now.
  void NoteUse();
  // True if it was kept, was not in use for repl-backlog-ttl, and is freed now.
  bool FreeIfUnused();
  // Applies repl-backlog-size.
  void UpdateLimit() { backlog_.SetLimit(static_cast<size_t>(parts_.options.repl_backlog_size)); }
  // Detaches the backlog from the log. Call before the log is closed.
  void Close();

 private:
  void Detach();

  const ReplicationParts& parts_;
  storage::Backlog backlog_{parts_.data.store().buffers()};
  std::atomic<bool> is_kept_{false};
  storage::Mutex mutex_;
  int64_t last_use_ms_ GUARDED_BY(mutex_) = 0;
};

}  // namespace ringkv::server
