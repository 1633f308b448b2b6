// SPDX-License-Identifier: MIT
#include "storage/log/log_buffer.h"

#include <algorithm>

#include "storage/base/allocator.h"
#include "storage/base/byte_codec.h"
#include "storage/base/prefetch.h"

namespace ringkv::storage {
namespace {

// Of a string's allocation; a short one has none.
size_t BytesForCapacity(size_t capacity) {
  return capacity <= std::string().capacity() ? 0 : AllocationSize(capacity + 1);
}

// The memory where the next group will stand: the writer's thread had it before, so without this the unlocking would
// wait for it.
void PrefetchEnd(const std::string& text) {
  constexpr size_t kUsual = 128;
  for (size_t at = 64; at <= kUsual; at += 64) PrefetchForWrite(text.data() + text.size() + at);
}

}  // namespace

// While the text moves, its old memory and the new one are both there.
void LogBuffer::MakeRoom(std::string* text, size_t more) {
  if (text->size() + more <= text->capacity()) return;
  const size_t before = BytesForCapacity(text->capacity());
  const size_t capacity = std::max(text->size() + more, 2 * text->capacity());
  memory_bytes_.fetch_add(BytesForCapacity(capacity), std::memory_order_relaxed);
  text->reserve(capacity);
  memory_bytes_.fetch_sub(before, std::memory_order_relaxed);
}

void LogBuffer::FreeRoom(std::string* text) {
  const size_t before = BytesForCapacity(text->capacity());
  memory_bytes_.fetch_add(BytesForCapacity(text->size()), std::memory_order_relaxed);
  text->shrink_to_fit();
  memory_bytes_.fetch_sub(before, std::memory_order_relaxed);
}

void LogBuffer::Forget() {
  bytes_.clear();
  groups_ = 0;
  pending_bytes_.store(0, std::memory_order_relaxed);
  has_unrecorded_.store(false, std::memory_order_relaxed);
}

void LogBuffer::BeginRecording() {
  MutexLock lock(mutex_);
  if (is_recording()) return;
  // A group may remain of a transaction that began in the previous period; it is not recorded.
  const bool has_unrecorded = groups_ > 0 || has_unrecorded_.load(std::memory_order_relaxed);
  Forget();
  if (has_unrecorded) appended_.fetch_add(1, std::memory_order_release);
  periods_.fetch_add(1, std::memory_order_relaxed);
  recording_.store(true, std::memory_order_relaxed);
}

void LogBuffer::StartBehind(Lsn last) {
  MutexLock lock(mutex_);
  Forget();
  appended_.store(last, std::memory_order_release);
}

void LogBuffer::NumberUnrecorded() {
  MutexLock lock(mutex_);
  Forget();
  appended_.fetch_add(1, std::memory_order_release);
}

Lsn LogBuffer::Append(std::string_view effects) {
  bool wake = false;
  Lsn lsn = 0;
  {
    MutexLock lock(mutex_);
    const size_t before = bytes_.size();
    MakeRoom(&bytes_, effects.size() + kLongestVarint);
    PutText(&bytes_, effects);
    PrefetchEnd(bytes_);
    ++groups_;
    lsn = appended_.load(std::memory_order_relaxed) + 1;
    appended_.store(lsn, std::memory_order_release);
    pending_bytes_.store(bytes_.size(), std::memory_order_relaxed);
    wake = before < kWakeBytes && bytes_.size() >= kWakeBytes;
    if (wake) woken_ = true;
    if (is_idle_ && prompt_.load(std::memory_order_relaxed)) {
      is_idle_ = false;
      wake = true;
    }
  }
  if (wake) work_.notify_one();
  return lsn;
}

bool LogBuffer::Take(Batch* batch) {
  batch->bytes.clear();
  if (batch->bytes.capacity() > 4 * kWakeBytes) FreeRoom(&batch->bytes);
  MutexLock lock(mutex_);
  batch->groups = groups_;
  batch->first = appended_.load(std::memory_order_relaxed) - groups_ + 1;
  if (groups_ == 0) return false;
  batch->bytes.swap(bytes_);
  groups_ = 0;
  pending_bytes_.store(0, std::memory_order_relaxed);
  return true;
}

void LogBuffer::WaitForWork(std::chrono::milliseconds most) {
  MutexLock lock(mutex_);
  auto until = std::chrono::steady_clock::now() + most;
  if (prompt_.load(std::memory_order_relaxed)) {
    // First until there is something, then a moment more: what comes in it goes into the same frame.
    is_idle_ = groups_ == 0;
    while (is_idle_ && !woken_ && mutex_.WaitUntil(work_, until)) {
    }
    is_idle_ = false;
    until = std::min(until, std::chrono::steady_clock::now() + kMoment);
  }
  while (!woken_ && mutex_.WaitUntil(work_, until)) {
  }
  woken_ = false;
}

void LogBuffer::Wake() {
  {
    MutexLock lock(mutex_);
    if (woken_) return;
    woken_ = true;
  }
  work_.notify_one();
}

}  // namespace ringkv::storage
