// SPDX-License-Identifier: MIT
// Rates per second for INFO, over about the last second and a half.
//
// Threads: written by one thread, read by all.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "server/session/thread_state.h"

namespace ringkv::server {

using ThreadStates = std::vector<std::unique_ptr<ThreadState>>;

// Bytes of replication: from the primary, to replicas.
struct LinkBytes {
  uint64_t received = 0;
  uint64_t sent = 0;
};

class Rates {
 public:
  // `links`: so far. `elapsed_ms`: since the last sample; above 0.
  void Sample(const ThreadStates& threads, const LinkBytes& links, int64_t elapsed_ms);

  uint64_t commands() const { return commands_.per_second.load(); }
  uint64_t bytes_read() const { return bytes_read_.per_second.load(); }
  uint64_t bytes_written() const { return bytes_written_.per_second.load(); }
  uint64_t link_bytes_received() const { return link_received_.per_second.load(); }
  uint64_t link_bytes_sent() const { return link_sent_.per_second.load(); }

 private:
  struct Rate {
    std::atomic<uint64_t> per_second{0};
    uint64_t last = 0;
  };
  static void Update(Rate& rate, uint64_t now, int64_t elapsed_ms);

  Rate commands_;
  Rate bytes_read_;
  Rate bytes_written_;
  Rate link_received_;
  Rate link_sent_;
};

}  // namespace ringkv::server
