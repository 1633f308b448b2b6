// SPDX-License-Identifier: MIT
// The connected clients, for CLIENT LIST and KILL.
//
// Threads: guarded.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/base/client_card.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class ClientDirectory {
 public:
  // Assigns the card its id and adds it.
  void Add(const std::shared_ptr<ClientCard>& card);
  void Remove(uint64_t id);
  std::shared_ptr<ClientCard> Find(uint64_t id) const;
  // By age, oldest first.
  std::vector<std::shared_ptr<ClientCard>> All() const;
  size_t size() const { return size_.load(std::memory_order_relaxed); }
  // Marks the largest clients as closing until the others take at most `limit` bytes, and returns them, largest first.
  // Skips replicas and clients with CLIENT NO-EVICT.
  std::vector<std::shared_ptr<ClientCard>> TakeLargest(size_t limit);

 private:
  std::atomic<size_t> size_{0};
  mutable storage::Mutex mutex_;
  std::map<uint64_t, std::shared_ptr<ClientCard>> cards_ GUARDED_BY(mutex_);
  uint64_t next_id_ GUARDED_BY(mutex_) = 1;
};

// Letters, as CLIENT LIST shows them.
std::string FlagsOf(const ClientCard& card);
std::string_view CapabilitiesOf(const ClientCard& card);

// The line of CLIENT LIST, without a line break.
std::string DescribeClient(const ClientCard& card, int64_t now_ms);

}  // namespace ringkv::server
