// SPDX-License-Identifier: MIT
// Says when it is time for the next progress line: a second after the last one, or after it was made.
//
// Threads: confined.
#pragma once

#include <chrono>

namespace ringkv::storage {

class OnceASecond {
 public:
  bool IsDue() {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::seconds(1)) return false;
    last_ = now;
    return true;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace ringkv::storage
