// SPDX-License-Identifier: MIT
#include "server/report/memory_report.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "server/report/report_parts.h"
#include "storage/transaction/totals.h"

namespace ringkv::server {
namespace {

size_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  size_t pages = 0;
  size_t resident_pages = 0;
  statm >> pages >> resident_pages;
  return resident_pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

double MemoryReport::DatasetPercentage() const {
  const size_t grown = used > startup ? used - startup : 0;
  return grown > 0 ? std::min(100.0, 100.0 * static_cast<double>(dataset()) / static_cast<double>(grown)) : 0;
}

MemoryReport ReportMemory(const ReportParts& parts, storage::Txn& txn) {
  MemoryReport report;
  report.used = storage::UsedMemory();
  parts.memory.NotePeak(report.used);
  report.peak = parts.memory.peak();
  report.startup = parts.memory.startup();
  report.resident = ResidentBytes();
  report.system = storage::MachineMemory();
  report.allocator = storage::ReadAllocatorStatistics();
  report.tables = TableBytes(txn);
  report.backlog = parts.replication.backlog().bytes();
  if (const auto stream = parts.replication.feeds().stream()) report.backlog += stream->numbers().bytes;
  report.buffers = parts.data.store().buffers().bytes();
  report.uncounted = parts.data.store().UncountedBytes();
  report.log_buffer = parts.data.store().log().memory_bytes();
  report.clients = parts.data.store().strangers().bytes();
  for (const auto& card : parts.clients.All()) {
    (card->is_replica ? report.replicas : report.clients) += card->MemoryBytes();
  }
  parts.data.store().occupancy().ForEachUsed([&](storage::DbIndex db) {
    const storage::DatabaseSize size = SizeOf(txn, db);
    if (size.keys == 0) return;
    report.keys += size.keys;
    report.databases.emplace_back(db, size);
  });
  return report;
}

}  // namespace ringkv::server
