// SPDX-License-Identifier: MIT
// Throttles a background job in favour of requests: it pauses after each piece of work, the longer the busier the other
// threads are. (A lower thread priority would be worse: the job would be preempted while it holds a lock.)
//
// Threads: confined to the job's.
#pragma once

#include <cstdint>

namespace ringkv::storage {

class Pace {
 public:
  Pace();
  // Call after each piece of work; sleeps for a suitable time.
  void Rest();

 private:
  struct Times {
    int64_t wall = 0;
    int64_t process = 0;  // processor time of all threads
    int64_t thread = 0;   // of this one
  };
  static Times Now();

  Times before_;
  int64_t work_start_ = 0;
  double others_ = 0;  // CPUs in use by other threads, a moving average
};

}  // namespace ringkv::storage
