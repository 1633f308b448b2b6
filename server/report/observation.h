// SPDX-License-Identifier: MIT
// A consistent observation of the server, for INFO and the metrics.
//
// Threads: confined.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <map>
#include <string>

#include "server/report/memory_report.h"
#include "server/report/report_parts.h"

namespace ringkv::server {

struct Observation {
  // `txn` holds no lock, or all. Both references must outlive the object.
  Observation(const ReportParts& parts, storage::Txn& txn);

  uint64_t Sum(Counter ThreadStatistics::*counter) const;
  double TotalKeys() const;
  bool IsSaving(storage::SnapshotReason reason) const { return saving.is_running && saving.reason == reason; }

  const ReportParts& parts;
  storage::Txn& txn;
  const int64_t now_ms;
  const int64_t steady_ms;  // by the steady clock
  const MemoryReport memory;
  const storage::KeyStatistics keys;
  rusage usage{};
  std::map<std::string, uint64_t> errors;  // by code word
  const storage::Durability::SnapshotState saving;
};

}  // namespace ringkv::server
