// SPDX-License-Identifier: MIT
// The turns that a command which runs others takes with the other work of its thread.
#pragma once

#include <functional>
#include <memory>

#include "server/base/client_card.h"

namespace ringkv::server {

class Turns {
 public:
  virtual ~Turns() = default;
  // Between two commands or steps: lets the thread do other work if it is time. False: end without a reply.
  virtual bool GoOn() = 0;
  // Lets the thread do other work; `waits`: until others hold fewer locks, or have finished work. Both are false when
  // the server ends.
  virtual bool Suspend(bool waits) = 0;
  // Does the work of a command that takes long where other clients of the thread don't feel it. False if it must end,
  // and the work may not have been done.
  virtual bool DoElsewhere(const std::function<void()>& work) = 0;
  // Whose command it is.
  virtual std::shared_ptr<ClientCard> client() const = 0;
};

}  // namespace ringkv::server
