// SPDX-License-Identifier: MIT
// What the environment says of runs of a simulation.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace ringkv::test {

inline uint64_t NumberIn(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::stoull(text);
}

}  // namespace ringkv::test
