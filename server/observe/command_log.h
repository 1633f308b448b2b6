// SPDX-License-Identifier: MIT
// Logs of commands that took much of something: time, bytes of the request, bytes of the reply. Newest first.
//
// Threads: guarded.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/mutex.h"

namespace ringkv::server {

class CommandLog {
 public:
  struct Item {
    uint64_t id;
    int64_t unix_seconds;
    uint64_t amount;                     // microseconds or bytes
    std::vector<std::string> arguments;  // truncated as in Redis: 32 arguments of 128 bytes
    std::string address;
    std::string client_name;
  };

  void Add(Item item, std::span<const std::string_view> argv, size_t most);
  // The newest `count`; all if negative.
  std::vector<Item> Newest(int64_t count) const;
  size_t size() const;
  void Reset();
  void Trim(size_t most);

 private:
  mutable storage::Mutex mutex_;
  std::deque<Item> items_ GUARDED_BY(mutex_);
  uint64_t next_id_ GUARDED_BY(mutex_) = 0;
};

struct CommandLogs {
  CommandLog slow;  // SLOWLOG
  CommandLog large_requests;
  CommandLog large_replies;
};

}  // namespace ringkv::server
