// SPDX-License-Identifier: MIT
#include "server/replication/backlog_keeper.h"

namespace ringkv::server {

using storage::MutexLock;

std::unique_ptr<storage::LogTail> BacklogKeeper::TailFrom(storage::Lsn next) {
  const std::string directory = parts_.data.durability().log().is_open() ? parts_.options.appenddirname.Get() : "";
  return std::make_unique<storage::LogTail>(backlog_, parts_.world.files, directory, next);
}

bool BacklogKeeper::Keep() {
  MutexLock lock(mutex_);
  UpdateLimit();
  last_use_ms_ = parts_.world.clock.SteadyMs();
  const bool is_new = !is_kept_;
  if (is_new) {
    parts_.data.durability().log().Attach(&backlog_);
    is_kept_ = true;
  }
  parts_.data.store().log().SetPrompt(true);
  return is_new;
}

void BacklogKeeper::NoteUse() {
  MutexLock lock(mutex_);
  last_use_ms_ = parts_.world.clock.SteadyMs();
}

bool BacklogKeeper::FreeIfUnused() {
  const int64_t ttl_ms = parts_.options.repl_backlog_ttl * 1000;
  // Under the lock, since a replica that comes meanwhile needs the backlog again.
  MutexLock lock(mutex_);
  if (!is_kept_ || ttl_ms <= 0 || parts_.world.clock.SteadyMs() - last_use_ms_ <= ttl_ms) return false;
  is_kept_ = false;
  parts_.data.store().log().SetPrompt(false);
  Detach();
  backlog_.Clear(0);
  return true;
}

void BacklogKeeper::Close() {
  if (is_kept_.exchange(false)) Detach();
}

void BacklogKeeper::Detach() { [[maybe_unused]] const auto last = parts_.data.durability().log().Detach(&backlog_); }

}  // namespace ringkv::server
