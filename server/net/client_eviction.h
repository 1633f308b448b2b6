// SPDX-License-Identifier: MIT
// Client eviction: keeps the memory of all clients within maxmemory-clients by closing the largest ones.
//
// Each thread updates the sum of its clients after it has served or sent to one. When the total exceeds the limit, it
// searches for the largest clients. The rules are those of Redis 7.
//
// Threads: each class and function says.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/config/options.h"

namespace ringkv::server {

class Server;
struct ThreadState;

// The limit of all clients together in bytes; 0: none.
size_t ClientMemoryLimit(const Options& options);

// One client's share of its thread's sum. Thread rule: confined.
class CountedMemory {
 public:
  explicit CountedMemory(ThreadState& thread) : thread_(thread) {}
  ~CountedMemory() { Set(0); }
  CountedMemory(const CountedMemory&) = delete;
  CountedMemory& operator=(const CountedMemory&) = delete;

  // Returns whether it has grown.
  bool Set(size_t bytes);

 private:
  ThreadState& thread_;
  size_t bytes_ = 0;
};

// Closes clients while the limit is exceeded. Thread rule: one per I/O thread, confined.
class ClientEviction {
 public:
  ClientEviction(Server& server, ThreadState& thread) : server_(server), thread_(thread) {}

  // A client has grown, or the limit may have changed.
  void Check();

 private:
  Server& server_;
  ThreadState& thread_;
  int64_t found_none_ms_ = 0;  // time of the last search without an evictable client
};

}  // namespace ringkv::server
