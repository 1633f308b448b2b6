// SPDX-License-Identifier: MIT
// The keys of a MIGRATE that runs inside EXEC or a script. That has locked them, so it copies them itself, for the
// thread that sends them, and is suspended while it has nothing to copy.
//
// Threads: synchronised.
#pragma once

#include <condition_variable>
#include <deque>
#include <optional>

#include "server/base/client_links.h"
#include "server/migration/key_copy.h"
#include "server/migration/key_transfer.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class HeldKeys final : public KeyCopies {
 public:
  // Must outlive the object.
  explicit HeldKeys(ClientLinks& links) : links_(links) {}

  // --- for what has locked the keys; suspended runs are resumed when an answer may have changed ---
  // Whether another copy may wait to be sent; also when none will be sent any more.
  bool HasRoom();
  void Add(KeyCopy copy);
  // There are no more.
  void Complete();
  // Nothing before the end.
  std::optional<TransferResult> TakeResult();

  // --- for anybody ---
  // No more is sent, whether all has been or not.
  void GiveUp();

  // --- for the thread that sends ---
  // Waits for the next one.
  std::optional<KeyCopy> Next() override;
  void End(TransferResult result);

 private:
  static constexpr size_t kMostWaitingBytes = 1 << 20;

  ClientLinks& links_;
  storage::Mutex mutex_;
  std::condition_variable changed_;
  std::deque<KeyCopy> waiting_ GUARDED_BY(mutex_);
  size_t waiting_bytes_ GUARDED_BY(mutex_) = 0;
  bool is_complete_ GUARDED_BY(mutex_) = false;
  bool is_given_up_ GUARDED_BY(mutex_) = false;
  std::optional<TransferResult> result_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
