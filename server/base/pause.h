// SPDX-License-Identifier: MIT
// CLIENT PAUSE: delays all commands, or writes.
//
// Threads: atomic.
#pragma once

#include <atomic>
#include <cstdint>

#include "server/base/client_links.h"
#include "server/base/needs.h"
#include "storage/base/clock.h"

namespace ringkv::server {

enum class PauseMode : uint8_t { kWrites, kAll };

class Pause {
 public:
  // All references must outlive the object. It is a source of `needs`.
  Pause(const storage::Clock& clock, UnmetNeeds& needs, ClientLinks& links);

  // Times of the steady clock. As in Redis, another pause can only make the current one longer or stricter.
  void Begin(PauseMode mode, int64_t until_ms);
  void End();
  // Ends an expired pause. Returns whether a pause is active.
  bool IsOn(int64_t now_ms);
  // 0: none.
  int64_t end_ms() const { return end_ms_.load(std::memory_order_relaxed); }

 private:
  const storage::Clock& clock_;
  UnmetNeeds& needs_;
  ClientLinks& links_;
  std::atomic<PauseMode> mode_{PauseMode::kWrites};
  std::atomic<int64_t> end_ms_{0};
};

}  // namespace ringkv::server
