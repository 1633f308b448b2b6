// SPDX-License-Identifier: MIT
// Backpressure for requests that other nodes answer: how many of one client may be under way at a time.
//
// The replies come over a connection that all clients of the thread share, so they have to be taken when they come,
// read or not. How long they will be is not known before. The window expects that the next ones are as long as the
// longest of the recent ones, and is open while all that are missing fit, with what the client hasn't read, below the
// mark of Backpressure. So there are at first 8 requests under way, at most 64, and one of those with large replies.
// With a mark of 0 each request waits until no reply is missing.
//
// Threads: a value.
#pragma once

#include <algorithm>
#include <cstddef>

namespace ringkv::server {

class PeerWindow {
 public:
  // Whether another request may be passed on. `missing`: replies; `unread`: bytes of all others; `mark`: of
  // Backpressure.
  bool IsOpen(size_t missing, size_t unread, size_t mark) const {
    const size_t expected = std::max({Expected(mark), (mark + kMost - 1) / kMost, size_t{1}});
    return unread <= mark && (missing + 1) * expected <= mark - unread;
  }
  // A reply of so many bytes has come.
  void Took(size_t bytes, size_t mark) {
    const size_t before = Expected(mark);
    expected_ = std::max(bytes, before - before / kMemory);
  }

 private:
  static constexpr size_t kMost = 64;
  static constexpr size_t kAtFirst = 8;
  static constexpr size_t kMemory = 8;  // in replies

  size_t Expected(size_t mark) const { return expected_ == 0 ? (mark + kAtFirst - 1) / kAtFirst : expected_; }

  size_t expected_ = 0;  // bytes; 0: no reply has come yet
};

}  // namespace ringkv::server
