// SPDX-License-Identifier: MIT
// How much a thread of clients has to do, as the others see it.
//
// Threads: atomic. The thread itself measures how busy it is; who gives it work adds what that will be.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ringkv::server {

struct ThreadLoad {
  std::atomic<size_t> connections{0};      // its own, and those that are on their way to it
  std::atomic<uint32_t> busy_permille{0};  // of a processor, lately
};

}  // namespace ringkv::server
