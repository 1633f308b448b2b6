// SPDX-License-Identifier: MIT
// Lets a background job make way for requests: after each piece of work it rests, the longer the busier the process is
// otherwise. (A lower priority of its thread would make it worse: it would be interrupted while it holds a lock.)
//
// Threads: confined to the job's.
#pragma once

#include <cstdint>

namespace ringkv::storage {

class Pace {
 public:
  Pace();
  // Call after each piece of work; sleeps as long as is fit.
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
  double others_ = 0;  // processors in use by other threads, a moving average
};

}  // namespace ringkv::storage
