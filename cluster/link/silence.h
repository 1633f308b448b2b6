// SPDX-License-Identifier: MIT
// How long a peer lets this side wait: for an answer, for a sign of life, until it takes bytes.
//
// Time in which this side did not look is no silence of the peer: its disk may have stalled, or the whole process. Then
// what the peer has said lies in the connection. So when the time is up, a moment is left to find it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ringkv::cluster {

class Silence {
 public:
  static constexpr int64_t kLastLookMs = 1000;

  // The peer has been heard, or is waited for from now on.
  void Begin(int64_t now) {
    since_ms_ = now;
    looks_until_ms_ = 0;
  }
  int64_t since() const { return since_ms_; }
  // When HasLasted is to be asked.
  int64_t ends_at(int64_t timeout_ms) const { return looks_until_ms_ == 0 ? since_ms_ + timeout_ms : looks_until_ms_; }
  bool HasLasted(int64_t timeout_ms, int64_t now) {
    if (now < ends_at(timeout_ms)) return false;
    if (looks_until_ms_ != 0) return true;
    looks_until_ms_ = now + std::min(timeout_ms, kLastLookMs);
    return false;
  }

 private:
  int64_t since_ms_ = 0;
  int64_t looks_until_ms_ = 0;  // 0: the time is not up
};

}  // namespace ringkv::cluster
