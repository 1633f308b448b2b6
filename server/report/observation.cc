// SPDX-License-Identifier: MIT
#include "server/report/observation.h"

#include "storage/transaction/totals.h"

namespace ringkv::server {

Observation::Observation(Server& server_in, storage::Txn& txn_in)
    : server(server_in),
      txn(txn_in),
      now_ms(server.clock().Now()),
      steady_ms(server.clock().SteadyMs()),
      memory(ReportMemory(server, txn)),
      keys(SumStatistics(txn)),
      saving(server.durability().snapshot_state()) {
  ::getrusage(RUSAGE_SELF, &usage);
  for (size_t i = 0; i < server.threads(); ++i) server.thread(i).statistics.AddErrorsTo(&errors);
}

uint64_t Observation::Sum(Counter ThreadStatistics::*counter) const {
  uint64_t sum = 0;
  for (size_t i = 0; i < server.threads(); ++i) sum += (server.thread(i).statistics.*counter).Get();
  return sum;
}

double Observation::TotalKeys() const {
  uint64_t total = 0;
  for (const auto& [db, size] : memory.databases) total += size.keys;
  return static_cast<double>(total);
}

}  // namespace ringkv::server
