// SPDX-License-Identifier: MIT
// The hash for tables of names that clients choose. They don't know the seed, so they can't choose names that collide
// in one bucket, as they can with std::hash.
//
// Threads: a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringkv::storage {

class SeededHash {
 public:
  using is_transparent = void;

  explicit SeededHash(uint64_t seed) : seed_(seed) {}
  size_t operator()(std::string_view bytes) const;

 private:
  uint64_t seed_;
};

}  // namespace ringkv::storage
