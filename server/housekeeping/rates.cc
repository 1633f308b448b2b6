// SPDX-License-Identifier: MIT
#include "server/housekeeping/rates.h"

namespace ringkv::server {

void Rates::Sample(const ThreadStates& threads, int64_t elapsed_ms) {
  Update(commands_, threads, &ThreadStatistics::commands, elapsed_ms);
  Update(bytes_read_, threads, &ThreadStatistics::bytes_read, elapsed_ms);
  Update(bytes_written_, threads, &ThreadStatistics::bytes_written, elapsed_ms);
}

void Rates::Update(Rate& rate, const ThreadStates& threads, Counter ThreadStatistics::*counter, int64_t elapsed_ms) {
  uint64_t now = 0;
  for (const auto& thread : threads) now += (thread->statistics.*counter).Get();
  // CONFIG RESETSTAT sets them back.
  const uint64_t difference = now >= rate.last ? now - rate.last : now;
  rate.last = now;
  rate.per_second = difference * 1000 / static_cast<uint64_t>(elapsed_ms);
}

}  // namespace ringkv::server
