// SPDX-License-Identifier: MIT
// The turns that a command which runs others takes with the other work of its thread.
#pragma once

namespace ringkv::server {

class Turns {
 public:
  virtual ~Turns() = default;
  // Between two commands: lets the thread do other work if it is time. False: end without a reply, the server ends.
  virtual bool GoOn() = 0;
  // Lets the thread do other work; `waits`: until others hold fewer locks. Result as above.
  virtual bool Suspend(bool waits) = 0;
};

}  // namespace ringkv::server
