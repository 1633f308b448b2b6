// SPDX-License-Identifier: MIT
// A function with a stack of its own, which can be left and entered again: the stack of a script that takes turns with
// the other work of its thread. A switch takes some nanoseconds and no system call.
//
// Threads: confined. It may move to another thread while no body is under way.
#pragma once

#include <cstddef>

namespace ringkv::server {

class Fiber {
 public:
  using Body = void (*)(void* with);

  // The stack's memory is taken as it is used. Below it is a page that can't be accessed.
  explicit Fiber(size_t stack_bytes);
  // No body may be under way.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs `body`, which must not throw, on the stack. True when it has returned, false when it has been suspended.
  bool Start(Body body, void* with);
  // Goes on where the body was suspended. Result as above.
  bool Resume();
  // For the body: returns to the caller of Start or Resume, until the next Resume.
  void Suspend();
  bool is_under_way() const { return body_ != nullptr; }

 private:
  struct Switching;

  bool Enter();
  void Leave();

  void* memory_ = nullptr;  // the page that protects, then the stack
  size_t bytes_ = 0;        // of both
  void* inside_ = nullptr;  // where the body goes on
  void* outside_ = nullptr;
  Body body_ = nullptr;  // null: none is under way
  void* with_ = nullptr;
  // For the sanitizers, which follow the stack.
  void* checked_ = nullptr;
  void* checked_outside_ = nullptr;
  void* fake_stack_inside_ = nullptr;
  void* fake_stack_outside_ = nullptr;
  const void* outside_bottom_ = nullptr;
  size_t outside_bytes_ = 0;
};

}  // namespace ringkv::server
