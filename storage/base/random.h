// SPDX-License-Identifier: MIT
// A small seeded random number generator (xorshift64*, Vigna 2016), for sampling. Secrets such as the hash seed come
// from the operating system.
#pragma once

#include <cstdint>
#include <cstdio>
#include <random>
#include <string>

namespace ringkv::storage {

// Thread rule: confined.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {
    if (state_ == 0) state_ = 1;
  }

  uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1Du;
  }
  // Uniform in [0, bound); bound > 0.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  // Uniform in [0, 1).
  double Fraction() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

inline uint64_t SeedFromSystem() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

// Unpredictable numbers: seeds and ids.
//
// Thread rule: own synchronisation.
class Chance {
 public:
  virtual ~Chance() = default;
  virtual uint64_t Next() = 0;
  // Forty hexadecimal digits that nobody else has: a run id, an end mark.
  std::string UniqueDigits() {
    Random random(Next());
    std::string digits;
    while (digits.size() < 40) {
      char some[20];
      std::snprintf(some, sizeof some, "%016llx", static_cast<unsigned long long>(random.Next()));
      digits += some;
    }
    digits.resize(40);
    return digits;
  }
};

class SystemChance final : public Chance {
 public:
  uint64_t Next() override { return SeedFromSystem(); }
};

}  // namespace ringkv::storage
