// SPDX-License-Identifier: MIT
// A client's connection as its thread knows it, whatever the client speaks.
//
// Lifetime: owned by its IoThread. Close forgets the socket at once; the object goes when no asynchronous operation
// refers to it any more (is_idle).
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/lsn.h"

namespace ringkv::server {

struct LateAnswer;

class ClientConnection {
 public:
  virtual ~ClientConnection() = default;

  virtual void Start() = 0;
  // Sends what can be sent now; the rest when the socket takes more.
  virtual void Flush() = 0;
  // Appends bytes that no request asked for.
  virtual void Push(const std::string& bytes) = 0;
  // Appends a message that it has subscribed to, given in RESP2.
  virtual void PushMessage(std::string_view message) = 0;
  virtual void Close() = 0;
  // Sends what was held, as far as it is safe by now.
  virtual void Release() = 0;
  // Goes on after a pause.
  virtual void Resume() = 0;
  // Ends what the client waits for, if it does.
  virtual void Unblock(bool with_error) = 0;
  // The time of what it waits for is over, if it waits for what ends then.
  virtual void EndKeyWait(int64_t deadline_ms) = 0;
  // What it waits for has come, or can't come any more.
  virtual void TakeAnswer(const LateAnswer& answer) = 0;
  // Another node has answered.
  virtual void TakeReply(uint64_t number, std::string reply, storage::Lsn lsn) = 0;
  // Called some times a second. False when the connection has run into a limit and is to be closed.
  virtual bool Tick(int64_t now_ms) = 0;

  virtual uint64_t id() const = 0;
  virtual bool is_idle() const = 0;
  virtual bool is_paused() const = 0;

  uint32_t served_window = 0;  // for its thread's Gathering
};

}  // namespace ringkv::server
