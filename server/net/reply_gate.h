// SPDX-License-Identifier: MIT
// Decides how much of a connection's output may leave.
//
// A reply that shows an effect must not be seen before the effect is as safe as the configuration promises. The gate
// keeps marks: what comes behind a mark waits until the mark's LSN is safe.
//
// Invariant: marks ascend in bytes, and don't descend in LSN.
// Threads: confined.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/lsn.h"

namespace ringkv::server {

class ReplyGate {
 public:
  // The reply that begins behind the `size` bytes that wait now depends on `lsn`.
  void Hold(size_t size, storage::Lsn lsn, int64_t now_ms) {
    if (!marks_.empty()) lsn = std::max(lsn, marks_.back().lsn);
    marks_.push_back({sent_ + size, lsn, now_ms});
  }
  // Since when the oldest reply is held; 0 if none is.
  int64_t held_since_ms() const { return marks_.empty() ? 0 : marks_.front().since_ms; }
  // Holds nothing any more. Returns how many replies it has held.
  size_t Forget() {
    const size_t held = marks_.size();
    marks_.clear();
    return held;
  }
  // How many of the `size` bytes that wait may leave when all groups up to `safe` are safe.
  size_t Sendable(size_t size, storage::Lsn safe) {
    const auto held = std::find_if(marks_.begin(), marks_.end(), [&](const Mark& mark) { return mark.lsn > safe; });
    marks_.erase(marks_.begin(), held);
    return marks_.empty() ? size : static_cast<size_t>(marks_.front().begin - sent_);
  }
  void Sent(size_t size) { sent_ += size; }

 private:
  struct Mark {
    uint64_t begin;  // counted from the connection's first byte
    storage::Lsn lsn;
    int64_t since_ms;
  };
  std::vector<Mark> marks_;
  uint64_t sent_ = 0;
};

}  // namespace ringkv::server
