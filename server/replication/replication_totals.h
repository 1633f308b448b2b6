// SPDX-License-Identifier: MIT
// Totals of replication since the start, for INFO and metrics.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringkv::server {

struct ReplicationTotals {
  std::atomic<uint64_t> full{0};
  std::atomic<uint64_t> partial{0};
  std::atomic<uint64_t> partial_refused{0};
  std::atomic<uint64_t> bytes_in{0};
  std::atomic<uint64_t> bytes_out{0};

  void NoteSync(bool is_partial, bool was_asked_for_partial) {
    if (is_partial) {
      ++partial;
      return;
    }
    ++full;
    if (was_asked_for_partial) ++partial_refused;
  }
};

}  // namespace ringkv::server
