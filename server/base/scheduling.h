// SPDX-License-Identifier: MIT
// What a thread asks of the system's scheduler, and gets from it.
#pragma once

#include <chrono>

namespace ringkv::server {

// Has the calling thread run in slices of this length, 100 µs at least, from Linux 6.12 on: whoever wakes on its
// processor waits for the end of a slice, which else lasts up to four milliseconds. Without one: in those of the
// system. `nicer`: so much more nice than it is.
void RunInSlices(std::chrono::microseconds slice, int nicer = 0);

// How much of the time in which the calling thread wants to run it runs.
//
// Threads: confined.
class ShareOfProcessor {
 public:
  // The thread wants to run from here on to EndTurn.
  void BeginTurn();
  // Whether it has run for less than a quarter of its turns lately, which is known after each 50 ms of them.
  bool EndTurn();

 private:
  std::chrono::nanoseconds began_{};
  std::chrono::nanoseconds used_before_{};
  std::chrono::nanoseconds wanted_{};
  std::chrono::nanoseconds used_{};
};

}  // namespace ringkv::server
