// SPDX-License-Identifier: MIT
#include "server/scripts/sliced_runs.h"

#include <algorithm>
#include <iterator>

namespace ringkv::server {

void SlicedRuns::Add(std::unique_ptr<SlicedRun> run, SlicedRun::Progress progress, ThreadState& state) {
  state_ = &state;
  runs_.push_back(std::make_unique<Suspended>(Suspended{.run = std::move(run), .number = next_number_++}));
  Settle(*runs_.back(), progress);
}

void SlicedRuns::Settle(Suspended& suspended, SlicedRun::Progress progress) {
  suspended.waits = progress == SlicedRun::Progress::kWaits;
  suspended.is_postponed = suspended.waits && suspended.run->is_postponed();
  state_->is_overdue = HasOverdue();
  switch (progress) {
    case SlicedRun::Progress::kWaits: CallAfter(); break;
    case SlicedRun::Progress::kSuspended: Leave(suspended); break;
    case SlicedRun::Progress::kEnded:
      suspended.run->FinishLate();
      Remove(suspended.number);
      break;
  }
}

// One that has only waited for others has used up no turn yet, and goes on here.
void SlicedRuns::Leave(Suspended& suspended) {
  suspended.is_aside = suspended.is_aside || (moves_ && suspended.run->MoveTo(*aside_));
  ResumeLater(suspended);
}

void SlicedRuns::NoteLater(uint64_t number, SlicedRun::Progress progress) {
  links_.RunOn(thread_, [this, number, progress] {
    Suspended* const suspended = Find(number);
    if (suspended == nullptr) return;
    if (progress == SlicedRun::Progress::kSuspended) {
      state_->is_overdue = HasOverdue();
    } else if (progress == SlicedRun::Progress::kWaits && suspended->was_woken) {
      ResumeLater(*suspended);  // what it waits for may be over
    } else {
      Settle(*suspended, progress);
    }
  });
}

SlicedRuns::Suspended* SlicedRuns::Find(uint64_t number) {
  const auto found =
      std::find_if(runs_.begin(), runs_.end(), [number](const auto& each) { return each->number == number; });
  return found == runs_.end() ? nullptr : found->get();
}

void SlicedRuns::ResumeLater(Suspended& suspended) {
  suspended.was_woken = false;
  if (suspended.is_aside) return long_run_thread_.Add(suspended.number, *suspended.run);
  ready_.push_back(suspended.number);
  PostNext();
}

void SlicedRuns::PostNext() {
  if (ready_.empty() || std::exchange(is_posted_, true)) return;
  links_.RunOn(thread_, [this] { ResumeNext(); });
}

void SlicedRuns::ResumeNext() {
  is_posted_ = false;
  if (ready_.empty()) return;
  const uint64_t number = ready_.front();
  ready_.pop_front();
  Resume(number);
  PostNext();
}

void SlicedRuns::Resume(uint64_t number) {
  Suspended* const suspended = Find(number);
  if (suspended == nullptr) return;
  suspended->waits = false;
  suspended->is_postponed = false;
  suspended->is_aside ? ResumeLater(*suspended) : Settle(*suspended, suspended->run->Resume());
}

void SlicedRuns::ResumeWaiting() {
  std::vector<uint64_t> waiting;
  for (const auto& each : runs_) {
    each->was_woken = true;
    if (each->waits) waiting.push_back(each->number);
  }
  for (const uint64_t number : waiting) Resume(number);
}

void SlicedRuns::Remove(uint64_t number) {
  std::erase_if(runs_, [number](const auto& each) { return each->number == number; });
  state_->is_overdue = HasOverdue();
  CallAfter();
}

bool SlicedRuns::HasOverdue() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const auto& each) { return each->run->is_overdue(); });
}

void SlicedRuns::After(std::function<void()> then) {
  after_.emplace_back(next_number_, std::move(then));
  CallAfter();
}

void SlicedRuns::CallAfter() {
  uint64_t oldest = next_number_;
  for (const auto& each : runs_) {
    if (!each->is_postponed) oldest = std::min(oldest, each->number);
  }
  const auto split =
      std::stable_partition(after_.begin(), after_.end(), [oldest](const auto& each) { return each.first > oldest; });
  std::vector<std::pair<uint64_t, std::function<void()>>> due(std::make_move_iterator(split),
                                                              std::make_move_iterator(after_.end()));
  after_.erase(split, after_.end());
  for (const auto& [number, then] : due) then();
}

bool SlicedRuns::EndAll() {
  long_run_thread_.Stop();
  bool all_undone = true;
  while (!runs_.empty()) {
    const std::unique_ptr<Suspended> last = std::move(runs_.back());
    runs_.pop_back();
    if (last->run->Abandon()) continue;
    all_undone = false;
    [[maybe_unused]] const SlicedRun* const stays = last->run.release();
  }
  CallAfter();
  return all_undone;
}

}  // namespace ringkv::server
