// SPDX-License-Identifier: MIT
#include "server/scripts/thread_scripts.h"

#include <algorithm>
#include <utility>

#include "server/base/client_links.h"
#include "server/execution/outcome.h"
#include "server/execution/stages.h"
#include "server/lua/sha1.h"
#include "server/scripts/memory_limits.h"
#include "server/scripts/program_check.h"
#include "server/scripts/script_loading.h"
#include "server/scripts/unread_script.h"
#include "storage/keyspace/libraries.h"

namespace ringkv::server {

// --- scripts and interpreters ---------------------------------------------------------------------------------------

void ThreadScripts::DropKnownIfFlushed() {
  const uint64_t version = parts_.registry.version();
  if (version == known_version_ && known_.size() <= kMostKnown && known_bytes_ <= kMostKnownBytes) return;
  last_found_ = nullptr;
  known_.clear();
  known_bytes_ = 0;
  known_version_ = version;
}

const Script* ThreadScripts::Remember(const SharedScript& script) {
  const std::string_view name = script->sha1();
  const size_t bytes = script->memory();
  const auto [known, is_new] = known_.try_emplace(name, script);
  if (is_new) known_bytes_ += bytes;
  return known->second.get();
}

const Script* ThreadScripts::Find(std::string_view sha1) {
  DropKnownIfFlushed();
  if (last_found_ == nullptr || last_found_->sha1() != sha1 || last_found_->is_evicted()) {
    last_found_ = LookUp(sha1);
  }
  if (last_found_ != nullptr) last_found_->NoteUse();
  return last_found_;
}

SharedFunction ThreadScripts::FindFunction(AdminCall& call, std::string_view name) {
  const storage::Libraries& libraries = call.txn.store().libraries();
  for (;;) {
    const uint64_t version = call.txn.has_changed_libraries() ? UINT64_MAX : libraries.version();
    bool is_loading = false;
    if (catalog_ == nullptr || version == UINT64_MAX || version != catalog_version_ || !catalog_->is_complete()) {
      Functions::Known known = parts_.functions.Get(call.txn);
      catalog_ = std::move(known.catalog);
      is_loading = known.is_loading;
      catalog_version_ = version;
      catalog_depends_on_ = libraries.Get().lsn;
      ++catalog_number_;
    }
    call.txn.DependOn(catalog_depends_on_);
    SharedFunction function = catalog_->Find(name);
    if (function != nullptr) return function;
    if (!is_loading) {
      call.reply.Error("ERR Function not found");
      return nullptr;
    }
    if (!WaitForCodes(call)) return nullptr;
  }
}

std::shared_ptr<const FunctionCatalog> ThreadScripts::AllFunctions(AdminCall& call) {
  for (;;) {
    Functions::Known known = parts_.functions.Get(call.txn);
    if (!known.is_loading) return std::move(known.catalog);
    if (!WaitForCodes(call)) return nullptr;
  }
}

bool ThreadScripts::WaitForCodes(AdminCall& call) {
  if (call.may_wait) {
    call.execution.Postpone();
    return false;
  }
  Turns* const turns = call.in_transaction ? call.execution.enclosing->turns : nullptr;
  if (turns != nullptr) return turns->Suspend(true);
  parts_.functions.Load();  // the thread has no clients
  return true;
}

const Script* ThreadScripts::LookUp(std::string_view sha1) {
  char lower[kSha1Digits];
  if (sha1.size() != kSha1Digits) return nullptr;
  std::transform(sha1.begin(), sha1.end(), lower, [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c; });
  const std::string_view name(lower, kSha1Digits);
  if (const auto found = known_.find(name); found != known_.end()) {
    if (!found->second->is_evicted()) return found->second.get();
    known_bytes_ -= found->second->memory();
    known_.erase(found);
  }
  SharedScript script = parts_.registry.Find(name);
  return script == nullptr ? nullptr : Remember(std::move(script));
}

const Script* ThreadScripts::Obtain(AdminCall& call, std::string_view text, bool stays) {
  const auto digits = Sha1Hex(text);
  const std::string_view sha1(digits.data(), digits.size());
  if (const Script* known = Find(sha1); known != nullptr) {
    if (stays) parts_.registry.Keep(known_.at(known->sha1()), true);
    return known;
  }
  ScriptRegistry::Made made = parts_.registry.Make(sha1, text, stays);
  if (made.script == nullptr) call.reply.Error(made.error);
  new_script_ = std::move(made.script);
  return new_script_.get();
}

void ThreadScripts::RunLongText(AdminCall& call, size_t keys) {
  const std::string_view text = call.args[1];
  const ScriptRegistry::Made head = parts_.registry.Make({}, text.substr(0, text.find('\n') + 1), false);
  if (head.script == nullptr) return call.reply.Error(head.error);
  const auto script = std::make_shared<const UnreadScript>(*head.script, text, parts_.registry);
  const Arguments::View words = call.args.all().subspan(3);
  const ScriptInput input{.program = *script,
                          .keys = words.first(keys),
                          .arguments = words.subspan(keys),
                          .name = "a long text",
                          .only_reads = call.command.Is(kReadOnly)};
  std::string why = WhyNotRun(call, input);
  why.empty() ? Run(call, input) : RunUnread(call, text, false, std::move(why));
}

void ThreadScripts::RunUnread(AdminCall& call, std::string_view text, bool stays, std::string error) {
  const auto script = std::make_shared<const UnreadScript>(text, parts_.registry, stays, std::move(error));
  Run(call, {.program = *script, .keys = {}, .arguments = {}, .name = "a long text"});
}

void ThreadScripts::LoadScript(AdminCall& call, std::string_view text) {
  if (IsLongText(call, text)) {
    const ScriptRegistry::Made head = parts_.registry.Make({}, text.substr(0, text.find('\n') + 1), true);
    return head.script == nullptr ? call.reply.Error(head.error) : RunUnread(call, text, true, {});
  }
  const Script* const script = Obtain(call, text, true);
  if (script == nullptr) return;
  if (script != new_script_.get()) return call.reply.Bulk(script->sha1());
  RunLoading(call, std::move(new_script_), {});
}

void ThreadScripts::RunLoading(AdminCall& call, SharedScript script, std::string error) {
  const auto loading = std::make_shared<const ScriptLoading>(std::move(script), std::move(error));
  Run(call, {.program = *loading, .keys = {}, .arguments = {}, .name = loading->script().sha1()});
}

// With the limits of the options.
LuaMemory& ThreadScripts::MemoryFor(LuaState::Purpose purpose) {
  LuaMemory& memory = parts_.MemoryOf(purpose);
  SetLimits(memory, parts_.execution.options);
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
  // A link or loader that has ended has left its runs behind.
  if (!idle_runs_.empty() && !idle_runs_.back()->IsOf(thread)) idle_runs_.clear();
  if (idle_runs_.empty()) {
    return std::make_unique<ScriptRun>(parts_.execution, parts_.clock, thread_, thread, parts_.watched_keys,
                                       parts_.disables_deny);
  }
  std::unique_ptr<ScriptRun> taken = std::move(idle_runs_.back());
  idle_runs_.pop_back();
  return taken;
}

bool ThreadScripts::MayKeep(LoadedState& loaded) const {
  if (loaded.purpose == LuaState::Purpose::kScripts) {
    const bool is_stale = loaded.version != parts_.registry.version();
    if (is_stale && loaded.state.memory() > kMostStaleBytes) return false;
  } else if (const storage::Libraries& libraries = parts_.execution.data.store().libraries();
             libraries.version() != catalog_version_) {
    DropStaleLibraries(loaded, *libraries.Get().set);
  }
  return !loaded.state.has_garbage();
}

void ThreadScripts::DropStale() {
  for (auto& idle : idle_) {
    for (auto state = idle.begin(); state != idle.end();) {
      if (MayKeep(**state)) {
        ++state;
        continue;
      }
      runs_.Discard(std::move(*state));
      state = idle.erase(state);
    }
  }
}

void ThreadScripts::GiveBack(Seat& seat) {
  auto& idle = idle_[static_cast<size_t>(seat.state->purpose)];
  if (!MayKeep(*seat.state)) {
    runs_.Discard(std::move(seat.state));  // sooner than collected
  } else if (idle.size() < kIdleKept) {
    idle.push_back(std::move(seat.state));
  }
  if (idle_runs_.size() < kIdleKept) idle_runs_.push_back(std::move(seat.run));
}

// --- runs -----------------------------------------------------------------------------------------------------------

class ThreadScripts::SuspendedScript final : public SlicedRun {
 public:
  SuspendedScript(ThreadScripts& owner, Seat seat) : owner_(owner), seat_(std::move(seat)) {
    owner_.parts_.long_runs.Add(*seat_.run);
  }
  Progress Resume() override { return seat_.run->Resume(); }
  bool MoveTo(ThreadState& thread) override {
    return seat_.run->MoveTo(thread, owner_.parts_.SlotAside(owner_.thread_));
  }
  void FinishLate() override {
    owner_.parts_.long_runs.Remove(*seat_.run);
    seat_.run->FinishLate();
    owner_.GiveBack(seat_);
  }
  bool Abandon() override {
    owner_.parts_.long_runs.Remove(*seat_.run);
    return seat_.run->Abandon();
  }
  bool is_postponed() const override { return seat_.run != nullptr && seat_.run->is_postponed(); }
  // A run that is given back is not.
  bool is_overdue() const override { return seat_.run != nullptr && seat_.run->is_overdue(); }

 private:
  ThreadScripts& owner_;
  Seat seat_;
};

class ThreadScripts::SuspendedTransaction final : public SlicedRun {
 public:
  SuspendedTransaction(ThreadScripts& owner, std::unique_ptr<TransactionRun> run)
      : owner_(owner), run_(std::move(run)) {}
  Progress Resume() override { return run_->Resume(); }
  void FinishLate() override {
    run_->FinishLate();
    owner_.GiveBack(std::move(run_));
  }
  bool Abandon() override { return run_->Abandon(); }
  bool is_overdue() const override { return run_ != nullptr && run_->is_overdue(); }

 private:
  ThreadScripts& owner_;
  std::unique_ptr<TransactionRun> run_;
};

void ThreadScripts::Run(AdminCall& call, const ScriptInput& input) {
  SharedScript new_script = std::move(new_script_);  // a run that outlasts the call keeps it
  if (runs_.is_full() && call.may_wait) {
    call.execution.Postpone();
    return;
  }
  if (std::string why = WhyNotRun(call, input); !why.empty()) {
    // A text that is no script is refused for that.
    if (&input.program == new_script.get()) return RunLoading(call, std::move(new_script), std::move(why));
    return call.reply.Error(why);
  }
  Seat seat{.run = TakeRun(call.thread), .state = TakeState(input.program.purpose())};
  const ScriptRun::Progress progress = seat.run->Begin(call, input, *seat.state);
  const bool takes_outer_turns = progress != ScriptRun::Progress::kEnded && call.in_transaction;
  if (takes_outer_turns && !RunInTurns(*call.execution.enclosing->turns, *seat.run, progress)) return;
  if (progress == ScriptRun::Progress::kEnded || takes_outer_turns) [[likely]] {
    seat.run->Finish(call);
    return GiveBack(seat);
  }
  if (!seat.run->has_begun()) {
    seat.run->Drop();
    call.execution.Postpone();
    return GiveBack(seat);
  }
  call.outcome = outcome::LateReply{.input = seat.run->lent()};
  runs_.Add(std::make_unique<SuspendedScript>(*this, std::move(seat)), progress, call.thread);
}

bool ThreadScripts::RunInTurns(Turns& turns, ScriptRun& run, ScriptRun::Progress progress) {
  parts_.long_runs.Add(run);
  bool goes_on = true;
  while (progress != ScriptRun::Progress::kEnded && goes_on) {
    const std::function<void()>* const work = run.left_work();
    goes_on = work != nullptr ? turns.DoElsewhere(*work) : turns.Suspend(progress == ScriptRun::Progress::kWaits);
    if (goes_on) progress = run.Resume();
  }
  parts_.long_runs.Remove(run);
  if (!goes_on) static_cast<void>(run.Abandon());  // of the transaction nothing is kept
  return goes_on;
}

void ThreadScripts::RunTransaction(AdminCall& call) {
  std::unique_ptr<TransactionRun> run = TakeTransaction(call.thread);
  if (runs_.is_full() || !run->Begin(call)) {
    call.execution.Postpone();
    return GiveBack(std::move(run));
  }
  Settle(call, std::move(run));
}

void ThreadScripts::GoOnInTurns(AdminCall& call, QueuedRun stopped) {
  std::unique_ptr<TransactionRun> run = TakeTransaction(call.thread);
  run->GoOnWith(call, std::move(stopped));
  Settle(call, std::move(run));
}

void ThreadScripts::Settle(AdminCall& call, std::unique_ptr<TransactionRun> run) {
  if (run->progress() == SlicedRun::Progress::kEnded) [[likely]] {
    run->Finish(call);
    return GiveBack(std::move(run));
  }
  call.outcome = outcome::LateReply{.request = nullptr, .uses_session = true};
  const SlicedRun::Progress progress = run->progress();
  runs_.Add(std::make_unique<SuspendedTransaction>(*this, std::move(run)), progress, call.thread);
}

void ThreadScripts::LoadLibraries(AdminCall& call, const LibrarySource& source) {
  if (AllFunctions(call) == nullptr) return;  // it looks for those of the same name
  if (!call.may_wait) {
    Turns* const turns = call.in_transaction ? call.execution.enclosing->turns : nullptr;
    return FinishLoad(call, source,
                      PrepareLibraries(parts_.functions, call.txn, {.slot = thread_, .turns = turns}, source));
  }
  if (runs_.is_full()) {
    call.execution.Postpone();
    return;
  }
  auto load = std::make_unique<LibraryLoad>(parts_.execution, parts_.functions, thread_, call.thread);
  if (load->Begin(call, source)) return FinishLoad(call, source, load->prepared());
  call.outcome = outcome::LateReply{};
  runs_.Add(std::move(load), SlicedRun::Progress::kSuspended, call.thread);
}

// Only now it locks, because the code of a library may take its time.
void ThreadScripts::FinishLoad(AdminCall& call, const LibrarySource& source, const Functions::Prepared& prepared) {
  if (prepared.error.empty() && !call.txn.holds_all() && !call.txn.LockAll(false)) {
    call.execution.Postpone();
    return;
  }
  PutLibraries(parts_.functions, call.txn, source, prepared, call.reply);
}

std::unique_ptr<TransactionRun> ThreadScripts::TakeTransaction(ThreadState& thread) {
  if (idle_transactions_.empty()) return std::make_unique<TransactionRun>(parts_.execution, thread);
  std::unique_ptr<TransactionRun> taken = std::move(idle_transactions_.back());
  idle_transactions_.pop_back();
  return taken;
}

void ThreadScripts::GiveBack(std::unique_ptr<TransactionRun> run) {
  if (idle_transactions_.size() < kIdleKept) idle_transactions_.push_back(std::move(run));
}

void ThreadScripts::EndRuns() {
  if (!runs_.EndAll()) parts_.has_stuck = true;
}

}  // namespace ringkv::server
