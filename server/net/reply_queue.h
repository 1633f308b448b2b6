// SPDX-License-Identifier: MIT
// Keeps replies in the order of their requests while some of them are delayed, because other nodes send them.
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
  // No reply is missing.
  bool empty() const { return waiting_.empty(); }
  // Forwarded requests with their replies, and local replies behind them.
  size_t bytes() const { return bytes_; }
  // How many delayed replies are missing.
  size_t missing() const { return missing_; }

  // Reserves a place for a delayed reply and returns its number. `term`: see ReplyGate::Hold. `is_dropped`: the reply
  // will be discarded.
  uint64_t Reserve(size_t request_bytes, uint32_t term, bool is_dropped) {
    waiting_.push_back(
        {.bytes = {}, .lsn = 0, .weight = request_bytes, .term = term, .is_there = false, .is_dropped = is_dropped});
    bytes_ += request_bytes;
    ++missing_;
    return first_ + waiting_.size() - 1;
  }
  // Appends a local reply, which depends on the group `lsn`.
  void Append(std::string_view bytes, storage::Lsn lsn, uint32_t term) {
    waiting_.push_back({.bytes = std::string(bytes),
                        .lsn = lsn,
                        .weight = bytes.size(),
                        .term = term,
                        .is_there = true,
                        .is_dropped = false});
    bytes_ += bytes.size();
  }
  // A part of a delayed reply is there, and kept elsewhere until the whole is.
  void CountPart(uint64_t number, size_t bytes) {
    waiting_[number - first_].weight += bytes;
    bytes_ += bytes;
  }
  void Fill(uint64_t number, std::string bytes, storage::Lsn lsn) {
    Reply& reply = waiting_[number - first_];
    --missing_;
    bytes_ += bytes.size() - reply.weight;
    reply.weight = bytes.size();
    reply.bytes = std::move(bytes);
    reply.lsn = lsn;
    reply.is_there = true;
  }
  // Takes the replies before the first missing one: calls `take(bytes, lsn, term)`.
  template <typename Take>
  void TakeReady(Take&& take) {
    while (!waiting_.empty() && waiting_.front().is_there) {
      const Reply& reply = waiting_.front();
      if (!reply.is_dropped) take(reply.bytes, reply.lsn, reply.term);
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
    uint32_t term;
    bool is_there;
    bool is_dropped;
  };
  std::deque<Reply> waiting_;
  uint64_t first_ = 0;  // number of the first one
  size_t bytes_ = 0;
  size_t missing_ = 0;
};

}  // namespace ringkv::server
