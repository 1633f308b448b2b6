// SPDX-License-Identifier: MIT
#include "server/report/observation.h"

#include "storage/transaction/totals.h"

namespace ringkv::server {

Observation::Observation(const ReportParts& parts_in, storage::Txn& txn_in)
    : parts(parts_in),
      txn(txn_in),
      now_ms(parts.clock.Now()),
      steady_ms(parts.clock.SteadyMs()),
      memory(ReportMemory(parts, txn)),
      keys(SumStatistics(txn)),
      saving(parts.data.durability().snapshot_state()) {
  ::getrusage(RUSAGE_SELF, &usage);
  for (size_t i = 0; i < parts.threads.size(); ++i) parts.threads[i]->statistics.AddErrorsTo(&errors);
}

uint64_t Observation::Sum(Counter ThreadStatistics::*counter) const {
  uint64_t sum = 0;
  for (size_t i = 0; i < parts.threads.size(); ++i) sum += (parts.threads[i]->statistics.*counter).Get();
  return sum;
}

double Observation::TotalKeys() const {
  uint64_t total = 0;
  for (const auto& [db, size] : memory.databases) total += size.keys;
  return static_cast<double>(total);
}

}  // namespace ringkv::server
