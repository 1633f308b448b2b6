// SPDX-License-Identifier: MIT
// How long a message may take that comes slowly: with each byte a little longer than any message may. So whoever sends
// byte by byte does not get more time with each, and a long message over a slow network is whole in time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringkv::transport {

// Beyond what the receiver waits for any.
constexpr int64_t TimeToSendMs(size_t bytes) {
  constexpr size_t kSlowestBytesAMs = 64;
  return static_cast<int64_t>(bytes / kSlowestBytesAMs);
}

}  // namespace ringkv::transport
