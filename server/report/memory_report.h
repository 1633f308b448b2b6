// SPDX-License-Identifier: MIT
// The memory usage at one moment, for INFO and MEMORY.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "storage/base/allocator.h"
#include "storage/transaction/totals.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

struct ReportParts;

struct MemoryReport {
  size_t used = 0;
  size_t peak = 0;
  size_t startup = 0;   // before the first key
  size_t resident = 0;  // of the process, from the operating system
  size_t system = 0;    // memory of the machine
  size_t tables = 0;
  size_t clients = 0;  // without replicas
  size_t replicas = 0;
  size_t backlog = 0;     // of replication, shared by all replicas
  size_t buffers = 0;     // of replication, with the backlog
  size_t log_buffer = 0;  // of the log, not yet written
  size_t uncounted = 0;   // what maxmemory does not count
  uint64_t keys = 0;
  storage::AllocatorStatistics allocator;
  std::vector<std::pair<storage::DbIndex, storage::DatabaseSize>> databases;  // those with keys

  size_t overhead() const { return startup + tables + clients + replicas + buffers + log_buffer; }
  size_t dataset() const { return used > overhead() ? used - overhead() : 0; }
  double DatasetPercentage() const;
  // How much of `a` is beyond `b`.
  static uint64_t Beyond(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }
  static double Ratio(size_t a, size_t b) { return b > 0 ? static_cast<double>(a) / static_cast<double>(b) : 0; }
};

// `txn` holds no lock, or all.
MemoryReport ReportMemory(const ReportParts& parts, storage::Txn& txn);

}  // namespace ringkv::server
