// SPDX-License-Identifier: MIT
#include "server/migration/held_keys.h"

#include <utility>

namespace ringkv::server {

using storage::MutexLock;

bool HeldKeys::HasRoom() {
  MutexLock lock(mutex_);
  return waiting_bytes_ < kMostWaitingBytes || result_;
}

void HeldKeys::Add(KeyCopy copy) {
  MutexLock lock(mutex_);
  if (result_) return;
  waiting_bytes_ += copy.packed.size();
  waiting_.push_back(std::move(copy));
  changed_.notify_one();
}

void HeldKeys::Complete() {
  MutexLock lock(mutex_);
  is_complete_ = true;
  changed_.notify_one();
}

void HeldKeys::GiveUp() {
  MutexLock lock(mutex_);
  is_given_up_ = true;
  changed_.notify_one();
}

std::optional<TransferResult> HeldKeys::TakeResult() {
  MutexLock lock(mutex_);
  return std::exchange(result_, std::nullopt);
}

std::optional<KeyCopy> HeldKeys::Next() {
  std::optional<KeyCopy> next;
  bool has_room_again = false;
  {
    MutexLock lock(mutex_);
    while (waiting_.empty() && !is_complete_ && !is_given_up_) mutex_.Wait(changed_);
    if (waiting_.empty() || is_given_up_) return std::nullopt;
    next = std::move(waiting_.front());
    waiting_.pop_front();
    const bool was_full = waiting_bytes_ >= kMostWaitingBytes;
    waiting_bytes_ -= next->packed.size();
    has_room_again = was_full && waiting_bytes_ < kMostWaitingBytes;
  }
  if (has_room_again) links_.ResumePaused();
  return next;
}

void HeldKeys::End(TransferResult result) {
  {
    MutexLock lock(mutex_);
    const bool was_all = is_complete_ && waiting_.empty();
    if (!was_all && result.error.empty()) result.error = IoError(MigrateConnection::Step::kWriting);
    waiting_.clear();
    waiting_bytes_ = 0;
    result_ = std::move(result);
  }
  links_.ResumePaused();
}

}  // namespace ringkv::server
