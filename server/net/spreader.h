// SPDX-License-Identifier: MIT
// Measures how busy its I/O thread is, and moves some of its connections to others, by the rules of spreading.h.
//
// Threads: confined to the thread; the loads are atomic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "server/net/spreading.h"

namespace ringkv::server {

class ClientConnection;
class ClientConnections;
class IoThread;
class Server;

// How the options want it.
Spreading SpreadingOf(Server& server);
// What each thread of clients has to do.
void ReadBurdens(Server& server, std::vector<Burden>* burdens);

class Spreader {
 public:
  using IoThreads = std::vector<std::unique_ptr<IoThread>>;
  // All must outlive it; `threads`: all of them, when the thread runs.
  Spreader(Server& server, const IoThreads& threads, size_t own) : server_(server), threads_(threads), own_(own) {}

  // Call several times a second, by the thread's own tick.
  void Tick(std::span<ClientConnection* const> connections);
  // Whether it is time to move some.
  bool is_due() const { return is_due_; }
  // Call between two rounds, when connections that have been served are at rest.
  void MoveSome(const ClientConnections& connections);
  // The thread has no connections: it does not tick, and is not busy.
  void Rest();

 private:
  void Move(const Handover& handover, std::span<ClientConnection* const> connections);

  Server& server_;
  const IoThreads& threads_;
  const size_t own_;
  bool is_due_ = false;
  uint64_t measured_ns_ = 0;      // when, by the server's ticks
  uint64_t measured_cpu_ns_ = 0;  // the thread's CPU time then
  uint64_t work_ = 0;             // of all connections in the last interval
  std::vector<Burden> burdens_;
};

}  // namespace ringkv::server
