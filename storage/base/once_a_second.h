// SPDX-License-Identifier: MIT
// Limits progress lines to one per second, the first a second after construction.
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
