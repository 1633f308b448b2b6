// SPDX-License-Identifier: MIT
#include "server/housekeeping/rates.h"

namespace ringkv::server {
namespace {

uint64_t SumOfThreads(const ThreadStates& threads, Counter ThreadStatistics::*counter) {
  uint64_t sum = 0;
  for (const auto& thread : threads) sum += (thread->statistics.*counter).Get();
  return sum;
}

}  // namespace

void Rates::Sample(const ThreadStates& threads, const LinkBytes& links, int64_t elapsed_ms) {
  Update(commands_, SumOfThreads(threads, &ThreadStatistics::commands), elapsed_ms);
  Update(bytes_read_, SumOfThreads(threads, &ThreadStatistics::bytes_read), elapsed_ms);
  Update(bytes_written_, SumOfThreads(threads, &ThreadStatistics::bytes_written), elapsed_ms);
  Update(link_received_, links.received, elapsed_ms);
  Update(link_sent_, links.sent, elapsed_ms);
}

void Rates::Update(Rate& rate, uint64_t now, int64_t elapsed_ms) {
  // CONFIG RESETSTAT sets them back.
  const uint64_t difference = now >= rate.last ? now - rate.last : now;
  rate.last = now;
  rate.per_second = difference * 1000 / static_cast<uint64_t>(elapsed_ms);
}

}  // namespace ringkv::server
