// SPDX-License-Identifier: MIT
#include "server/base/pause.h"

#include <algorithm>

namespace ringkv::server {

Pause::Pause(const storage::Clock& clock, UnmetNeeds& needs, ClientLinks& links)
    : clock_(clock), needs_(needs), links_(links) {
  needs.AddSource([this]() -> uint32_t {
    if (end_ms() == 0) return 0;
    return mode_ == PauseMode::kAll ? kNeedsNoPause : kNeedsNoWritePause;
  });
}

void Pause::Begin(PauseMode mode, int64_t until_ms) {
  if (IsOn(clock_.SteadyMs())) {
    if (mode_ == PauseMode::kAll) mode = PauseMode::kAll;
    until_ms = std::max(until_ms, end_ms());
  }
  mode_ = mode;
  end_ms_ = until_ms;
  needs_.Update();
}

void Pause::End() {
  end_ms_ = 0;
  needs_.Update();
  links_.ResumePaused();
}

bool Pause::IsOn(int64_t now_ms) {
  const int64_t end = end_ms();
  if (end == 0) return false;
  if (now_ms < end) return true;
  End();
  return false;
}

}  // namespace ringkv::server
