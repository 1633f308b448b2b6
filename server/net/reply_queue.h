// SPDX-License-Identifier: MIT
// Replies in the order of their requests, although some of them come later, from other nodes.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "storage/base/lsn.h"

namespace ringkv::server {

class ReplyQueue {
 public:
  // Nobody waits.
  bool empty() const { return waiting_.empty(); }
  // Requests that were sent to others and their replies, and what waits behind them.
  size_t bytes() const { return bytes_; }
  size_t size() const { return waiting_.size(); }

  // The next reply will come later; returns its number. `is_dropped`: the client wants to see nothing of it.
  uint64_t Reserve(size_t request_bytes, bool is_dropped) {
    waiting_.push_back({.bytes = {}, .lsn = 0, .weight = request_bytes, .is_there = false, .is_dropped = is_dropped});
    bytes_ += request_bytes;
    return first_ + waiting_.size() - 1;
  }
  // The next reply is there, and depends on the group `lsn`.
  void Append(std::string_view bytes, storage::Lsn lsn) {
    waiting_.push_back(
        {.bytes = std::string(bytes), .lsn = lsn, .weight = bytes.size(), .is_there = true, .is_dropped = false});
    bytes_ += bytes.size();
  }
  void Fill(uint64_t number, std::string bytes, storage::Lsn lsn) {
    Reply& reply = waiting_[number - first_];
    bytes_ += bytes.size() - reply.weight;
    reply.weight = bytes.size();
    reply.bytes = std::move(bytes);
    reply.lsn = lsn;
    reply.is_there = true;
  }
  // Takes what is there up to the first that is not: `take(bytes, lsn)`.
  template <typename Take>
  void TakeReady(Take&& take) {
    while (!waiting_.empty() && waiting_.front().is_there) {
      const Reply& reply = waiting_.front();
      if (!reply.is_dropped) take(reply.bytes, reply.lsn);
      bytes_ -= reply.weight;
      waiting_.pop_front();
      ++first_;
    }
  }

 private:
  struct Reply {
    std::string bytes;
    storage::Lsn lsn;
    size_t weight;
    bool is_there;
    bool is_dropped;
  };
  std::deque<Reply> waiting_;
  uint64_t first_ = 0;  // the number of the first of them
  size_t bytes_ = 0;
};

}  // namespace ringkv::server
