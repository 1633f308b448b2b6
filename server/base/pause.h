// SPDX-License-Identifier: MIT
// CLIENT PAUSE: commands wait, all of them or those that write.
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
  // All must outlive it. It is a source of `needs`.
  Pause(const storage::Clock& clock, UnmetNeeds& needs, ClientLinks& links);

  // Times by the steady clock. A second pause may only make the first one longer or stricter, as in Redis.
  void Begin(PauseMode mode, int64_t until_ms);
  void End();
  // Ends a pause whose time has come. True while one holds.
  bool IsOn(int64_t now_ms);
  // 0: there is none.
  int64_t end_ms() const { return end_ms_.load(std::memory_order_relaxed); }

 private:
  const storage::Clock& clock_;
  UnmetNeeds& needs_;
  ClientLinks& links_;
  std::atomic<PauseMode> mode_{PauseMode::kWrites};
  std::atomic<int64_t> end_ms_{0};
};

}  // namespace ringkv::server
