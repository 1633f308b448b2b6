// SPDX-License-Identifier: MIT
// Keeps all clients together within maxmemory-clients: those that take the most are closed.
//
// Each thread counts what its clients take whenever it has served or sent to one, and looks for the largest of all when
// that makes the sum exceed the limit. The rules are those of Redis 7.
//
// Threads: each class and function says.
#pragma once

#include <cstddef>
#include <cstdint>

#include "server/config/options.h"

namespace ringkv::server {

class Server;
struct ThreadState;

// Bytes that all clients together may take; 0: there is no limit.
size_t ClientMemoryLimit(const Options& options);

// One client's part of its thread's sum. Thread rule: confined.
class CountedMemory {
 public:
  explicit CountedMemory(ThreadState& thread) : thread_(thread) {}
  ~CountedMemory() { Set(0); }
  CountedMemory(const CountedMemory&) = delete;
  CountedMemory& operator=(const CountedMemory&) = delete;

  // True if it is more than before.
  bool Set(size_t bytes);

 private:
  ThreadState& thread_;
  size_t bytes_ = 0;
};

// Finds out whether the limit is exceeded, and has clients closed until it isn't. Thread rule: one for each I/O thread,
// confined.
class ClientEviction {
 public:
  ClientEviction(Server& server, ThreadState& thread) : server_(server), thread_(thread) {}

  // Some client takes more than before, or the limit may be another one.
  void Check();

 private:
  Server& server_;
  ThreadState& thread_;
  int64_t found_none_ms_ = 0;  // when it looked last and found nobody who may be closed
};

}  // namespace ringkv::server
