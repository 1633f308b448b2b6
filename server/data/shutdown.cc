// SPDX-License-Identifier: MIT
#include "server/data/shutdown.h"

#include <algorithm>
#include <string>
#include <utility>

namespace ringkv::server {

using storage::MutexLock;

void Shutdown::Request(ShutdownRequest request) {
  {
    MutexLock lock(mutex_);
    if (request.by != nullptr) waiting_.push_back(request.by);
    if (request.leaves_scripts) LeaveScripts();
    was_signalled_ = was_signalled_ || request.by == nullptr;
    if (stage_ != Stage::kNone && stage_ != Stage::kDrains) return;
    const bool drains = stage_ == Stage::kNone && request.drain_ms > 0;
    stage_ = drains ? Stage::kDrains : Stage::kBegins;
    is_draining_ = is_draining_ || drains;
    deadline_ms_ = parts_.clock.SteadyMs() + (drains ? request.drain_ms : TimeoutMs(request));
    request_ = std::move(request);
  }
  parts_.links.StepShutdown();
}

void Shutdown::LeaveScripts() {
  request_.leaves_scripts = true;
  ends_wait_ = true;
}

bool Shutdown::Abort() {
  {
    MutexLock lock(mutex_);
    if (stage_ == Stage::kNone || stage_ == Stage::kEnds) return false;
    is_aborted_ = true;
    ends_wait_ = true;
  }
  parts_.log.Notice("the shutdown is aborted");
  parts_.links.StepShutdown();
  return true;
}

bool Shutdown::IsAfterSignal() {
  MutexLock lock(mutex_);
  return stage_ > Stage::kDrains && was_signalled_;
}

std::optional<int64_t> Shutdown::MillisecondsLeft() {
  MutexLock lock(mutex_);
  if (stage_ < Stage::kWaits) return std::nullopt;
  return std::max<int64_t>(deadline_ms_ - parts_.clock.SteadyMs(), 0);
}

Shutdown::Stage Shutdown::stage() {
  MutexLock lock(mutex_);
  return stage_;
}

// --- steps ----------------------------------------------------------------------------------------------------------

Shutdown::Progress Shutdown::Step() {
  if (is_aborted_) return GiveUp();
  const Stage now = stage();
  if (now == Stage::kNone) return Progress::kNothing;
  if (parts_.data.is_loading()) return Progress::kReadyUnloaded;
  if (now == Stage::kEnds) return Progress::kReady;
  if (now == Stage::kDrains && !IsDrained()) return Progress::kWaits;
  if (now != Stage::kWaits) {
    PauseWrites();
    if (!AwaitWork()) return GiveUp();
    last_ = parts_.data.store().log().appended();
    MutexLock lock(mutex_);
    stage_ = Stage::kWaits;
  }
  return IsCaughtUp() ? Finish() : Progress::kWaits;
}

bool Shutdown::IsDrained() {
  MutexLock lock(mutex_);
  const int64_t now_ms = parts_.clock.SteadyMs();
  if (now_ms < deadline_ms_) return false;
  deadline_ms_ = now_ms + TimeoutMs(request_);
  return true;
}

int64_t Shutdown::TimeoutMs(const ShutdownRequest& request) const {
  return request.waits_for_replicas ? parts_.options.shutdown_timeout * 1000 : 0;
}

void Shutdown::PauseWrites() {
  // What is acknowledged from here on would be neither in the snapshot nor on replicas.
  parts_.pause.Begin(PausePurpose::kShutdown, PauseMode::kWrites, INT64_MAX);
}

// redis-server waits for a script as long as it takes. Here one that has changed data and does not end makes the
// shutdown fail, as a snapshot that fails does, if its changes can't be left out of what is kept.
bool Shutdown::AwaitWork() {
  constexpr int64_t kLeastMs = 1000;
  const auto is_done = [this](int64_t most_ms) { return parts_.links.WaitForRound(ends_wait_, most_ms) || ends_wait_; };
  if (is_done(std::max(parts_.options.shutdown_timeout * 1000, kLeastMs))) return true;
  parts_.log.Warning("a script has not ended within shutdown-timeout: it is killed if it has not written");
  parts_.kill_scripts();
  if (is_done(kLeastMs)) return true;
  MutexLock lock(mutex_);
  if (parts_.data.NeedsSnapshotAtEnd(request_.saves) && !request_.is_forced) {
    parts_.log.Warning(
        "cannot shut down: a script that has written has not ended, so no snapshot can be made; SHUTDOWN "
        "NOSAVE ends the server without it");
    return false;
  }
  LeaveScripts();
  return true;
}

bool Shutdown::IsCaughtUp() {
  int64_t deadline_ms = 0;
  bool waits = false;
  {
    MutexLock lock(mutex_);
    deadline_ms = deadline_ms_;
    waits = request_.waits_for_replicas;
  }
  const size_t behind = parts_.count_behind(last_);
  if (behind == 0) return true;
  if (parts_.clock.SteadyMs() < deadline_ms) {
    parts_.data.store().log().Wake();
    return false;
  }
  parts_.log.Warning(std::to_string(behind) + " replicas have not received all writes " +
                     (waits ? "within shutdown-timeout" : "when the server ends: NOW does not wait for them"));
  return true;
}

Shutdown::Progress Shutdown::Finish() {
  bool saves = false;
  bool is_forced = false;
  bool leaves_scripts = false;
  {
    MutexLock lock(mutex_);
    saves = request_.saves;
    is_forced = request_.is_forced;
    leaves_scripts = request_.leaves_scripts;
  }
  const storage::Status saved = leaves_scripts ? storage::Status() : parts_.data.SaveAtEnd(saves);
  if (!saved) {
    parts_.log.Warning((is_forced ? "shutting down without a snapshot: " : "cannot shut down, the snapshot failed: ") +
                       saved.error().text);
    if (!is_forced) return GiveUp();
  }
  // No more replies are sent; the connections close when all data is on the disk.
  parts_.pause.Begin(PausePurpose::kShutdown, PauseMode::kAll, INT64_MAX);
  {
    MutexLock lock(mutex_);
    if (!is_aborted_) {
      stage_ = Stage::kEnds;
      return Progress::kReady;
    }
  }
  return GiveUp();
}

Shutdown::Progress Shutdown::GiveUp() {
  std::vector<std::shared_ptr<ClientCard>> waiting;
  {
    MutexLock lock(mutex_);
    stage_ = Stage::kNone;
    is_aborted_ = false;
    ends_wait_ = false;
    is_draining_ = false;
    was_signalled_ = false;
    waiting.swap(waiting_);
  }
  parts_.pause.End(PausePurpose::kShutdown);
  for (const auto& client : waiting) {
    parts_.links.Answer(
        *client, {.reply = "-ERR Errors trying to SHUTDOWN. Check logs.\r\n", .error = "ERR", .is_accounted = true});
  }
  return Progress::kNothing;
}

}  // namespace ringkv::server
