// SPDX-License-Identifier: MIT
#include "server/scripts/thread_scripts.h"

#include <algorithm>
#include <utility>

#include "server/base/client_links.h"
#include "server/execution/outcome.h"
#include "server/lua/sha1.h"
#include "server/scripts/program_check.h"

namespace ringkv::server {
namespace {

// Compiling needs no server.
class NoHost final : public ScriptHost {
 public:
  Pulse Call(std::span<const std::string_view>, resp::ReplyWriter& reply) override {
    reply.Error("ERR no server");
    return Pulse::kContinue;
  }
  Pulse OnPulse() override { return Pulse::kContinue; }
  void Log(ScriptLogLevel, std::string_view) override {}
  CommandPermit CheckPermit(std::span<const std::string_view>) override { return CommandPermit::kUnknown; }
  void SetReplication(int) override {}
};

}  // namespace

// --- scripts and interpreters ---------------------------------------------------------------------------------------

void ThreadScripts::DropKnownIfFlushed() {
  const uint64_t version = parts_.registry.version();
  if (version == known_version_ && known_.size() <= kMostKnown) return;
  known_.clear();
  known_version_ = version;
}

void ThreadScripts::Remember(SharedScript script) {
  const std::string_view name = script->sha1();
  known_.try_emplace(name, std::move(script));
}

SharedScript ThreadScripts::Find(std::string_view sha1) {
  DropKnownIfFlushed();
  if (const auto found = known_.find(sha1); found != known_.end()) {
    found->second->NoteUse();
    return found->second;
  }
  SharedScript script = parts_.registry.Find(sha1);
  if (script != nullptr) Remember(script);
  return script;
}

SharedFunction ThreadScripts::FindFunction(storage::Txn& txn, std::string_view name) {
  const storage::Libraries& libraries = txn.store().libraries();
  const uint64_t version = txn.has_changed_libraries() ? UINT64_MAX : libraries.version();
  if (catalog_ == nullptr || version == UINT64_MAX || version != catalog_version_) {
    catalog_ = parts_.functions.Catalog(txn, thread_);
    catalog_version_ = version;
    catalog_depends_on_ = libraries.Get().lsn;
    ++catalog_number_;
  }
  txn.DependOn(catalog_depends_on_);
  return catalog_->Find(name);
}

SharedScript ThreadScripts::Compile(AdminCall& call, std::string_view text, bool stays) {
  const auto digits = Sha1Hex(text);
  const std::string_view sha1(digits.data(), digits.size());
  if (SharedScript known = Find(sha1); known != nullptr) {
    return stays ? parts_.registry.Keep(std::move(known), true) : known;
  }
  ScriptRegistry::Made made = ScriptRegistry::Make(sha1, text);
  if (made.script == nullptr) {
    call.reply.Error(made.error);
    return nullptr;
  }
  NoHost host;
  Seat seat{.run = nullptr, .state = TakeState(LuaState::Purpose::kScripts)};
  const std::optional<std::string> error = made.script->Load(*seat.state, host);
  idle_[0].push_back(std::move(seat.state));
  if (error) {
    call.reply.Error(*error);
    return nullptr;
  }
  SharedScript script = parts_.registry.Keep(std::move(made.script), stays);
  Remember(script);
  return script;
}

// With the limits of the options.
LuaMemory& ThreadScripts::MemoryFor(LuaState::Purpose purpose) {
  const Options& options = parts_.execution.options;
  LuaMemory& memory = parts_.MemoryOf(purpose);
  memory.SetLimits(static_cast<size_t>(options.script_memory_limit.load()),
                   static_cast<size_t>(options.scripts_memory_limit.load()));
  return memory;
}

std::unique_ptr<LoadedState> ThreadScripts::TakeState(LuaState::Purpose purpose) {
  auto& idle = idle_[static_cast<size_t>(purpose)];
  LuaMemory& memory = MemoryFor(purpose);
  if (idle.empty()) return std::make_unique<LoadedState>(purpose, memory);
  std::unique_ptr<LoadedState> taken = std::move(idle.back());
  idle.pop_back();
  const bool is_for_scripts = purpose == LuaState::Purpose::kScripts;
  const uint64_t version = is_for_scripts ? parts_.registry.version() : catalog_number_;
  if (taken->version == version) return taken;
  taken->version = version;
  if (is_for_scripts) {
    taken->state.ForgetScripts();
    taken->compiled = 0;
  } else {
    DropStaleLibraries(*taken, *catalog_->set());
  }
  return taken;
}

std::unique_ptr<ScriptRun> ThreadScripts::TakeRun(ThreadState& thread) {
  if (idle_runs_.empty()) {
    return std::make_unique<ScriptRun>(parts_.execution, parts_.clock, thread_, thread, parts_.watched_keys);
  }
  std::unique_ptr<ScriptRun> taken = std::move(idle_runs_.back());
  idle_runs_.pop_back();
  return taken;
}

void ThreadScripts::GiveBack(Seat& seat) {
  auto& idle = idle_[static_cast<size_t>(seat.state->purpose)];
  if (idle.size() < kIdleKept) idle.push_back(std::move(seat.state));
  if (idle_runs_.size() < kIdleKept) idle_runs_.push_back(std::move(seat.run));
}

// --- runs -----------------------------------------------------------------------------------------------------------

void ThreadScripts::Run(AdminCall& call, const ScriptInput& input) {
  if (const std::string why = WhyNotRun(call, *input.program, input.only_reads); !why.empty()) {
    return call.reply.Error(why);
  }
  thread_state_ = &call.thread;
  Seat seat{.run = TakeRun(call.thread), .state = TakeState(input.program->purpose())};
  if (const auto error = input.program->Load(*seat.state, *seat.run)) {
    call.reply.Error(*error);
    return GiveBack(seat);
  }
  const ScriptRun::Progress progress = seat.run->Begin(call, input, seat.state->state);
  if (progress == ScriptRun::Progress::kEnded) [[likely]] {
    seat.run->Finish(call);
    return GiveBack(seat);
  }
  if (!seat.run->has_begun()) {
    seat.run->Drop();
    call.outcome = outcome::Postponed{};
    return GiveBack(seat);
  }
  call.outcome = outcome::LateReply{};
  seat.number = next_number_++;
  parts_.long_runs.Add(*seat.run);
  suspended_.push_back(std::make_unique<Seat>(std::move(seat)));
  Settle(*suspended_.back(), progress);
}

void ThreadScripts::Settle(Seat& seat, ScriptRun::Progress progress) {
  seat.waits = progress == ScriptRun::Progress::kWaits;
  switch (progress) {
    case ScriptRun::Progress::kWaits: break;
    case ScriptRun::Progress::kSuspended: ResumeLater(seat.number); break;
    case ScriptRun::Progress::kEnded:
      parts_.long_runs.Remove(*seat.run);
      seat.run->FinishLate();
      GiveBack(seat);
      Remove(seat);
      break;
  }
}

void ThreadScripts::ResumeLater(uint64_t number) {
  parts_.execution.links.RunOn(thread_, [this, number] { Resume(number); });
}

void ThreadScripts::Resume(uint64_t number) {
  const auto found =
      std::find_if(suspended_.begin(), suspended_.end(), [number](const auto& seat) { return seat->number == number; });
  if (found == suspended_.end()) return;
  Seat& seat = **found;
  Settle(seat, seat.run->Resume());
}

void ThreadScripts::ResumeWaiting() {
  std::vector<uint64_t> waiting;
  for (const auto& seat : suspended_) {
    if (seat->waits) waiting.push_back(seat->number);
  }
  for (const uint64_t number : waiting) Resume(number);
}

void ThreadScripts::Remove(Seat& seat) {
  std::erase_if(suspended_, [&seat](const auto& each) { return each.get() == &seat; });
  if (thread_state_ != nullptr) thread_state_->is_overdue = HasOverdue();
  RunAfterRuns();
}

bool ThreadScripts::HasOverdue() const {
  return std::any_of(suspended_.begin(), suspended_.end(), [](const auto& seat) { return seat->run->is_overdue(); });
}

void ThreadScripts::AfterRuns(std::function<void()> then) {
  after_runs_.emplace_back(next_number_, std::move(then));
  RunAfterRuns();
}

void ThreadScripts::RunAfterRuns() {
  uint64_t oldest = next_number_;
  for (const auto& seat : suspended_) oldest = std::min(oldest, seat->number);
  const auto split = std::stable_partition(after_runs_.begin(), after_runs_.end(),
                                           [oldest](const auto& each) { return each.first > oldest; });
  std::vector<std::pair<uint64_t, std::function<void()>>> due(std::make_move_iterator(split),
                                                              std::make_move_iterator(after_runs_.end()));
  after_runs_.erase(split, after_runs_.end());
  for (const auto& [number, then] : due) then();
}

void ThreadScripts::EndRuns() {
  while (!suspended_.empty()) {
    Seat& seat = *suspended_.back();
    parts_.long_runs.Remove(*seat.run);
    if (!seat.run->Abandon()) {
      parts_.has_stuck = true;
      [[maybe_unused]] const ScriptRun* const stays = seat.run.release();
    }
    suspended_.pop_back();
  }
  RunAfterRuns();
}

}  // namespace ringkv::server
