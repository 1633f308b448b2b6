// SPDX-License-Identifier: MIT
// CLIENT PAUSE and the pauses of a shutdown and of FAILOVER: they delay all commands, or writes.
//
// Each purpose has a pause of its own, as in Redis: CLIENT UNPAUSE does not end that of a shutdown, and a shutdown that
// fails does not end that of an operator. The strictest one counts.
//
// Threads: synchronised. The request path reads the word of UnmetNeeds; the mutex is taken only during a pause.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "server/base/client_links.h"
#include "server/base/needs.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"

namespace ringkv::server {

// In the order of strictness.
enum class PauseMode : uint8_t { kNone, kWrites, kAll };
enum class PausePurpose : uint8_t { kClient, kShutdown, kFailover, kLag };

class Pause {
 public:
  // All references must outlive the object. It is a source of `needs`.
  Pause(const storage::Clock& clock, UnmetNeeds& needs, ClientLinks& links);

  // Until a time of the steady clock. As in Redis, a pause can only get longer or stricter while it lasts.
  void Begin(PausePurpose purpose, PauseMode mode, int64_t until_ms);
  void End(PausePurpose purpose);
  // The strictest mode of all pauses. Ends those that have expired.
  PauseMode Current();
  // The time of the steady clock at which the next pause expires; 0: there is none.
  int64_t next_end_ms() const { return next_end_ms_.load(std::memory_order_relaxed); }

 private:
  struct Span {
    PauseMode mode = PauseMode::kNone;
    int64_t end_ms = 0;
  };

  // Drops what has expired, edits the span of the purpose, and tells others if the strictest mode has changed by that.
  template <typename Edit>
  PauseMode Change(PausePurpose purpose, Edit edit);
  void DropExpired() REQUIRES(mutex_);
  // Sets what is read without the mutex.
  PauseMode Publish() REQUIRES(mutex_);

  const storage::Clock& clock_;
  UnmetNeeds& needs_;
  ClientLinks& links_;
  storage::Mutex mutex_;
  std::array<Span, 4> spans_ GUARDED_BY(mutex_);  // by purpose
  std::atomic<PauseMode> strictest_{PauseMode::kNone};
  std::atomic<int64_t> next_end_ms_{0};
};

}  // namespace ringkv::server
