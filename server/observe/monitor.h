// SPDX-License-Identifier: MIT
// MONITOR: streams executed commands to listeners.
//
// Threads: guarded; requests check an atomic for listeners first.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "server/base/client_links.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

class Monitor {
 public:
  bool HasListeners() const { return listeners_count_.load(std::memory_order_relaxed) > 0; }
  void Add(std::shared_ptr<ClientCard> listener);
  void Remove(const ClientCard& listener);
  void Feed(ClientLinks& links, int64_t unix_microseconds, storage::DbIndex db, const ClientCard& client,
            std::span<const std::string_view> argv);

 private:
  std::atomic<size_t> listeners_count_{0};
  storage::Mutex mutex_;
  std::vector<std::shared_ptr<ClientCard>> listeners_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
