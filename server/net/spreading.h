// SPDX-License-Identifier: MIT
// Which thread serves a client: the rules of spreading connections, without sockets.
//
// A client goes to a thread when it connects, and may move to another one later, because it is known only then how much
// it asks for. Two ways to spread (see the option io-threads):
//
//   kEven    connections are spread evenly over all threads.
//   kThrifty as few threads serve as the load needs. A thread that serves many clients costs less for each request: it
//            wakes up once for several of them. Another thread begins to serve when those that do are full.
//
// In both, a thread that is full gives connections to one that has much less to do.
//
// Threads: pure functions.
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace ringkv::server {

enum class Spreading : uint8_t { kEven, kThrifty };

// What one thread has to do.
struct Burden {
  size_t connections = 0;
  unsigned busy = 0;  // permille of a processor, lately
};

// What a thread gives to another one.
struct Handover {
  size_t to = 0;
  size_t connections = 0;    // at most
  unsigned busy = UINT_MAX;  // at most, of its own load
  bool only_active = false;  // those without load stay
  bool operator==(const Handover&) const = default;
};

// For a client that connects. There is at least one thread.
size_t ThreadForNewClient(std::span<const Burden> threads, Spreading spreading);
// What the thread `own` is to give away now, by its own measurement; nothing if it is to stay as it is.
std::optional<Handover> PlanHandover(std::span<const Burden> threads, size_t own, Spreading spreading);

}  // namespace ringkv::server
