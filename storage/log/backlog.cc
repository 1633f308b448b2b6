// SPDX-License-Identifier: MIT
#include "storage/log/backlog.h"

#include <algorithm>

namespace ringkv::storage {

void Backlog::SetLimit(size_t bytes) {
  MutexLock lock(mutex_);
  limit_ = bytes;
  Trim();
}

void Backlog::Clear(Lsn last) {
  MutexLock lock(mutex_);
  frames_.clear();
  bytes_ = 0;
  memory_bytes_ = 0;
  last_ = last;
  ++lives_;
  CountMemory();
}

void Backlog::Trim() {
  while (frames_.size() > 1 && bytes_ > limit_) {
    bytes_ -= frames_.front().bytes->size();
    memory_bytes_ -= SharedTextBytes(*frames_.front().bytes);
    frames_.pop_front();
  }
  CountMemory();
}

void Backlog::CountMemory() { memory_.Set(memory_bytes_ + frames_.size() * sizeof(Held)); }

Status Backlog::Write(const LogFrame& frame, std::string_view bytes) {
  coming_.Set(SharedTextBytes(bytes.size()));
  auto copy = std::make_shared<const std::string>(bytes);
  MutexLock lock(mutex_);
  bytes_ += copy->size();
  memory_bytes_ += SharedTextBytes(*copy);
  last_ = frame.last();
  frames_.push_back({frame.first, frame.last(), std::move(copy)});
  Trim();
  coming_.Set(0);
  for (Listener* listener : listeners_) listener->FrameArrived();
  return {};
}

Status Backlog::Skipped(Lsn last) {
  Clear(last);
  return {};
}

Backlog::ReadResult Backlog::Read(Lsn next, size_t most, FrameList* frames, Lsn* behind) const {
  frames->clear();
  *behind = next;
  MutexLock lock(mutex_);
  if (next > last_) return ReadResult::kNothingYet;
  auto at =
      std::lower_bound(frames_.begin(), frames_.end(), next, [](const Held& held, Lsn lsn) { return held.last < lsn; });
  if (at == frames_.end() || at->first > next) return ReadResult::kGone;
  for (size_t taken = 0; at != frames_.end() && (frames->empty() || taken + at->bytes->size() <= most); ++at) {
    taken += at->bytes->size();
    frames->push_back(at->bytes);
    *behind = at->last + 1;
  }
  return ReadResult::kFrames;
}

void Backlog::AddListener(Listener* listener) {
  MutexLock lock(mutex_);
  listeners_.push_back(listener);
}

void Backlog::RemoveListener(Listener* listener) {
  MutexLock lock(mutex_);
  std::erase(listeners_, listener);
}

uint64_t Backlog::lives() const {
  MutexLock lock(mutex_);
  return lives_;
}

Lsn Backlog::first() const {
  MutexLock lock(mutex_);
  return frames_.empty() ? last_ + 1 : frames_.front().first;
}

Lsn Backlog::last() const {
  MutexLock lock(mutex_);
  return last_;
}

size_t Backlog::bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

}  // namespace ringkv::storage
