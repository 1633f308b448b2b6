// SPDX-License-Identifier: MIT
// The statistics of a command, summed over the threads.
#pragma once

#include <cstdint>
#include <vector>

#include "server/command/command_table.h"

namespace ringkv::server {

struct ReportParts;

struct CommandTotals {
  uint64_t calls = 0;
  uint64_t nanoseconds = 0;
  uint64_t rejected = 0;
  uint64_t failed = 0;
  std::vector<uint64_t> histogram;  // by bucket of LatencyHistogram; empty without samples

  // The latency percentile (0 to 100) in nanoseconds.
  uint64_t Percentile(double percentile) const;
};

CommandTotals TotalsOf(const ReportParts& parts, const CommandEntry& entry);

}  // namespace ringkv::server
