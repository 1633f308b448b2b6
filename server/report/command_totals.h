// SPDX-License-Identifier: MIT
// What the threads counted for a command, in one.
#pragma once

#include <cstdint>
#include <vector>

#include "server/command/command_table.h"

namespace ringkv::server {

class Server;

struct CommandTotals {
  uint64_t calls = 0;
  uint64_t nanoseconds = 0;
  uint64_t rejected = 0;
  uint64_t failed = 0;
  std::vector<uint64_t> histogram;  // by bucket of LatencyHistogram; empty if nothing was counted

  // The time within which this share (0 to 100) of the calls ended, in nanoseconds.
  uint64_t Percentile(double percentile) const;
};

CommandTotals TotalsOf(Server& server, const CommandEntry& entry);

}  // namespace ringkv::server
