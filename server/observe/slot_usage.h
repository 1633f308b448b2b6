// SPDX-License-Identifier: MIT
// What the requests for the keys of each slot have taken.
//
// Threads: synchronised.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "storage/base/key_slot.h"

namespace ringkv::server {

class SlotUsage {
 public:
  struct Sum {
    uint64_t nanoseconds = 0;
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;
  };

  SlotUsage() = default;
  ~SlotUsage() { delete all_.load(); }
  SlotUsage(const SlotUsage&) = delete;
  SlotUsage& operator=(const SlotUsage&) = delete;

  void Add(size_t slot, const Sum& usage);
  Sum Of(size_t slot) const;
  void Reset();

 private:
  struct Counters {
    std::atomic<uint64_t> nanoseconds{0};
    std::atomic<uint64_t> bytes_in{0};
    std::atomic<uint64_t> bytes_out{0};
  };
  using All = std::array<Counters, storage::kSlots>;

  All& Made();

  std::atomic<All*> all_{nullptr};  // 384 KiB; made when something is counted
};

}  // namespace ringkv::server
