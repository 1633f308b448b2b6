// SPDX-License-Identifier: MIT
// The failure of something that is tried again and again. It is said once, when it has lasted: nodes start, and get a
// new topology, one after the other.
//
// Threads: guarded by its owner.
#pragma once

#include <cstdint>
#include <string>

namespace ringkv::server {

class LastingFailure {
 public:
  // The outcome of an attempt; empty: it worked. True if it is to be said now.
  bool Note(const std::string& failure, int64_t now) {
    constexpr int64_t kPatienceMs = 2000;
    if (failure != text_) {
      text_ = failure;
      since_ms_ = now;
      was_said_ = false;
    }
    if (failure.empty() || was_said_ || now - since_ms_ < kPatienceMs) return false;
    return was_said_ = true;
  }
  // Of the last attempt; empty if it worked.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  int64_t since_ms_ = 0;
  bool was_said_ = false;
};

}  // namespace ringkv::server
