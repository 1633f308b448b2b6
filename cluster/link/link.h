// SPDX-License-Identifier: MIT
// One side of a connection between nodes, as a state machine: bytes and the time come in; bytes, the time of the next
// step, and calls of the narrow interface that it was made with go out. It has no socket, thread, clock or file. A pump
// drives it: a thread with a socket in the server, the simulated network in tests/simulation/.
//
// Times are milliseconds of a steady clock. An error ends the link: the connection is to be closed, and no method but
// the destructor called. A link that waits for nothing but its peer uses no processor time.
//
// Threads: confined to the pump's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "storage/base/result.h"

namespace ringkv::cluster {

class Link {
 public:
  enum class Next : uint8_t {
    kWait,   // until wake_at(), or until bytes were received or sent
    kAgain,  // there is more to do, when what is to be sent has been offered to the connection
    kRest,   // likewise, but it is background work, which should leave time to requests
  };

  virtual ~Link() = default;

  // The connection stands. Called once, before the others; what it wants sent is sent before Work is called.
  virtual storage::Status Open(int64_t now) = 0;
  // Does what is due.
  virtual storage::Result<Next> Work(int64_t now) = 0;
  // When Work has to be called again, even if nothing happens until then.
  virtual int64_t wake_at() const = 0;

  // Where received bytes are to be written, and how many were.
  virtual std::span<char> Room() = 0;
  virtual storage::Status Received(size_t count, int64_t now) = 0;
  // How many of them it has not used yet. Bounded: they are a part of a line or message, or those behind it that have
  // to wait.
  virtual size_t unread() const = 0;

  // The bytes to send next; empty if there are none now. Bounded: a link stops to produce until they are sent.
  virtual std::string_view ToSend() const = 0;
  virtual void Sent(size_t count, int64_t now) = 0;
  // How many bytes wait to be sent, not only those to send next.
  virtual size_t waiting() const { return ToSend().size(); }
};

}  // namespace ringkv::cluster
