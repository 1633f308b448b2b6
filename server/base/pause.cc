// SPDX-License-Identifier: MIT
#include "server/base/pause.h"

#include <algorithm>

namespace ringkv::server {

Pause::Pause(const storage::Clock& clock, UnmetNeeds& needs, ClientLinks& links)
    : clock_(clock), needs_(needs), links_(links) {
  needs.AddSource([this]() -> uint32_t {
    const PauseMode mode = strictest_;
    if (mode == PauseMode::kNone) return 0;
    return mode == PauseMode::kAll ? kNeedsNoPause : kNeedsNoWritePause;
  });
}

void Pause::Begin(PausePurpose purpose, PauseMode mode, int64_t until_ms) {
  Change(purpose,
         [&](Span& span) { span = {.mode = std::max(span.mode, mode), .end_ms = std::max(span.end_ms, until_ms)}; });
}

void Pause::End(PausePurpose purpose) {
  Change(purpose, [](Span& span) { span = {}; });
}

PauseMode Pause::Current() {
  return Change(PausePurpose::kClient, [](Span&) {});
}

template <typename Edit>
PauseMode Pause::Change(PausePurpose purpose, Edit edit) {
  PauseMode before = PauseMode::kNone;
  PauseMode after = PauseMode::kNone;
  {
    storage::MutexLock lock(mutex_);
    before = strictest_;
    DropExpired();
    edit(spans_[static_cast<size_t>(purpose)]);
    after = Publish();
  }
  // Without the mutex: the sources of needs have locks of their own.
  if (after != before) needs_.Update();
  if (after < before) links_.ResumePaused();
  return after;
}

void Pause::DropExpired() {
  const int64_t now = clock_.SteadyMs();
  for (Span& span : spans_) {
    if (span.end_ms <= now) span = {};
  }
}

PauseMode Pause::Publish() {
  PauseMode strictest = PauseMode::kNone;
  int64_t next_end = 0;
  for (const Span& span : spans_) {
    if (span.mode == PauseMode::kNone) continue;
    strictest = std::max(strictest, span.mode);
    next_end = next_end == 0 ? span.end_ms : std::min(next_end, span.end_ms);
  }
  strictest_ = strictest;
  next_end_ms_ = next_end;
  return strictest;
}

}  // namespace ringkv::server
