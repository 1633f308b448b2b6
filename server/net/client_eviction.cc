// SPDX-License-Identifier: MIT
#include "server/net/client_eviction.h"

#include <algorithm>
#include <cstdlib>

#include "server/composition/server.h"

namespace ringkv::server {
namespace {

constexpr size_t kLeastClientMemory = 128 * 1024;  // a lower limit would evict even the client that raises it
constexpr int64_t kRestAfterVainSearchMs = 10;

size_t ClientMemoryOf(Server& server) {
  size_t sum = 0;
  for (size_t i = 0; i < server.threads(); ++i) sum += server.thread(i).client_memory.load(std::memory_order_relaxed);
  return sum;
}

}  // namespace

size_t ClientMemoryLimit(const Options& options) {
  const int64_t value = options.maxmemory_clients.load(std::memory_order_relaxed);
  if (value == 0) return 0;
  const int64_t maxmemory = options.maxmemory.load(std::memory_order_relaxed);
  if (value < 0 && maxmemory == 0) return 0;
  const double bytes =
      value > 0 ? static_cast<double>(value) : static_cast<double>(maxmemory) / 100 * static_cast<double>(-value);
  return std::max(static_cast<size_t>(bytes), kLeastClientMemory);
}

bool CountedMemory::Set(size_t bytes) {
  if (bytes == bytes_) return false;
  const bool is_more = bytes > bytes_;
  std::atomic<size_t>& sum = thread_.client_memory;
  sum.store(sum.load(std::memory_order_relaxed) + bytes - bytes_, std::memory_order_relaxed);
  bytes_ = bytes;
  return is_more;
}

void ClientEviction::Check() {
  const size_t limit = ClientMemoryLimit(server_.options());
  if (limit == 0 || ClientMemoryOf(server_) <= limit) return;
  const int64_t now_ms = server_.clock().SteadyMs();
  if (std::abs(now_ms - found_none_ms_) < kRestAfterVainSearchMs) return;
  const auto largest = server_.clients().TakeLargest(limit);
  if (largest.empty()) found_none_ms_ = now_ms;
  for (const auto& card : largest) {
    server_.log().Notice("closing " + card->address + ": it takes " + std::to_string(card->MemoryBytes()) +
                         " bytes, the most of those that exceed maxmemory-clients together");
    thread_.statistics.clients_evicted.Add(1);
    server_.links().Close(*card);
  }
}

}  // namespace ringkv::server
