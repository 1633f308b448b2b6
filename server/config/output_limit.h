// SPDX-License-Identifier: MIT
// Whether what waits to be read by a client exceeds client-output-buffer-limit: beyond the hard limit at once, beyond
// the soft one when it has been so for long enough.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "server/config/options.h"

namespace ringkv::server {

class OutputLimitWatch {
 public:
  // To be asked when bytes are added, and some times a second. `now_ms`: of a steady clock.
  bool Exceeds(const OutputLimit& limit, size_t waiting_bytes, int64_t now_ms) {
    const auto bytes = static_cast<int64_t>(waiting_bytes);
    const int64_t hard = limit.hard_bytes;
    const int64_t soft = limit.soft_bytes;
    const bool is_over_soft = soft != 0 && bytes >= soft;
    if (!is_over_soft) over_soft_since_ms_.reset();
    if (is_over_soft && !over_soft_since_ms_) over_soft_since_ms_ = now_ms;
    if (hard != 0 && bytes >= hard) return true;
    return is_over_soft && now_ms > *over_soft_since_ms_ &&
           (now_ms - *over_soft_since_ms_) / 1000 >= limit.soft_seconds;
  }

 private:
  std::optional<int64_t> over_soft_since_ms_;
};

}  // namespace ringkv::server
