// SPDX-License-Identifier: MIT
// What the operating system and the linker know of this process.
//
// Threads: pure functions; the system is asked anew each time.
#pragma once

#include <string>

namespace ringkv::server {

// The first 16 digits of the linker's build id: the same for equal builds. Zeros if there is none.
std::string BuildId();

struct CpuTime {
  double user_seconds = 0;
  double system_seconds = 0;
};
// The time of all I/O threads, which execute commands, as the main thread of redis-server does. To a hundredth.
CpuTime CpuOfIoThreads();

}  // namespace ringkv::server
