// SPDX-License-Identifier: MIT
#include "resp/buffer.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

namespace ringkv::resp {
namespace {

constexpr size_t kSmallestCapacity = 256;

}  // namespace

Buffer::~Buffer() { std::free(data_); }

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      capacity_(std::exchange(other.capacity_, 0)),
      read_(std::exchange(other.read_, 0)),
      write_(std::exchange(other.write_, 0)),
      limit_(other.limit_),
      has_overflowed_(std::exchange(other.has_overflowed_, false)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(capacity_, other.capacity_);
  std::swap(read_, other.read_);
  std::swap(write_, other.write_);
  std::swap(limit_, other.limit_);
  std::swap(has_overflowed_, other.has_overflowed_);
  return *this;
}

size_t Buffer::BiggerCapacity(size_t needed) {
  const size_t wanted = std::max(std::min(std::max(kSmallestCapacity, capacity_ * 2), limit_), needed);
  if (budget_ == nullptr || budget_->Take(wanted - capacity_)) return wanted;
  return needed > capacity_ && budget_->Take(needed - capacity_) ? needed : 0;
}

bool Buffer::MakeRoom(size_t count) {
  if (has_overflowed_) return false;
  const size_t used = write_ - read_;
  // Moving down is cheap only while little is left: at most as much as was consumed, so each byte moves O(1) times.
  if (read_ >= used && capacity_ - used >= count) {
    std::memmove(data_, data_ + read_, used);
    read_ = 0;
    write_ = used;
    return true;
  }
  const bool fits = used <= limit_ && count <= limit_ - used;
  const size_t wanted = fits ? BiggerCapacity(used + count) : 0;
  if (wanted == 0) {
    has_overflowed_ = true;
    return false;
  }
  char* bigger = nullptr;
  if (read_ == 0) {
    bigger = static_cast<char*>(std::realloc(data_, wanted));
    if (bigger == nullptr) std::abort();
  } else {
    bigger = static_cast<char*>(std::malloc(wanted));
    if (bigger == nullptr) std::abort();
    if (used > 0) std::memcpy(bigger, data_ + read_, used);
    std::free(data_);
  }
  data_ = bigger;
  capacity_ = wanted;
  read_ = 0;
  write_ = used;
  return true;
}

void Buffer::PutBefore(size_t to, size_t from) {
  const std::string moved(Readable().substr(from));
  char* start = data_ + read_ + to;
  std::memmove(start + moved.size(), start, from - to);
  moved.copy(start, moved.size());
}

void Buffer::ShrinkTo(size_t target) {
  const size_t used = write_ - read_;
  const size_t wanted = std::max(target, used);
  if (wanted >= capacity_) return;
  char* smaller = nullptr;
  if (wanted > 0) {
    smaller = static_cast<char*>(std::malloc(wanted));
    if (smaller == nullptr) return;
    if (used > 0) std::memcpy(smaller, data_ + read_, used);
  }
  std::free(data_);
  data_ = smaller;
  capacity_ = wanted;
  read_ = 0;
  write_ = used;
}

}  // namespace ringkv::resp
