// SPDX-License-Identifier: MIT
// The generator behind math.random: the one of POSIX' lrand48, as in Redis, so that a seed gives the same numbers.
#pragma once

#include <cstdint>

namespace ringkv::server::lua {

class Random {
 public:
  void Seed(int32_t seed) { state_ = (static_cast<uint64_t>(static_cast<uint32_t>(seed)) << 16) + 0x330e; }
  // Below 2^31.
  int32_t Next() {
    state_ = (state_ * 0x5deece66d + 0xb) & 0xffffffffffff;
    return static_cast<int32_t>(state_ >> 17);
  }

 private:
  uint64_t state_ = 0x1234abcd330e;
};

}  // namespace ringkv::server::lua
