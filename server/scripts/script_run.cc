// SPDX-License-Identifier: MIT
#include "server/scripts/script_run.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

#include "server/base/client_links.h"
#include "server/execution/stages.h"
#include "server/replication/replication.h"
#include "server/scripts/log_levels.h"
#include "server/scripts/unread_script.h"

namespace ringkv::server {
namespace {

// Lua's own need and that of a command.
constexpr size_t kScriptStackBytes = kLuaStackBytes + 256 * 1024;
constexpr size_t kReplyKept = 64 * 1024;
constexpr std::string_view kKilled = "ERR Script killed by user with SCRIPT KILL...";  // functions too, in redis-server

// Whether others would wait while it is copied.
bool IsLong(std::span<const std::string_view> words) {
  size_t bytes = 0;
  for (const std::string_view word : words) bytes += word.size();
  return bytes > UnreadScript::kLong;
}

std::shared_ptr<ClientCard> CardOfScripts() {
  auto card = std::make_shared<ClientCard>();
  card->address = "?:0";  // as redis-server names the client of scripts in its slow log
  card->is_script = true;
  return card;
}

}  // namespace

ScriptRun::ScriptRun(const ExecutionParts& parts, ScriptClock& clock, size_t slot, ThreadState& thread,
                     WatchedKeys& watched_keys, const std::atomic<bool>& disables_deny)
    : parts_(parts),
      clock_(clock),
      disables_deny_(disables_deny),
      home_slot_(slot),
      home_(thread),
      names_(parts.commands),
      session_(CardOfScripts(), watched_keys),
      random_(thread.random.Next()),
      own_txn_(parts.data.store(), 0, random_),
      fiber_(parts.ticks, kScriptStackBytes) {
  own_txn_.set_skips_held(thread.index != kNoThread);
  enclosing_.events = &events_;
  enclosing_.may_begin_again = true;
}

ScriptRun::~ScriptRun() = default;

// --- the way of a run -----------------------------------------------------------------------------------------------

ScriptRun::Progress ScriptRun::Begin(const AdminCall& call, const ScriptInput& input, LoadedState& state) {
  fiber_.Begin(call.execution.began);
  state_ = &state;
  execution_ = &call.execution;
  command_ = call.execution.entry->index;
  program_ = &input.program;
  name_ = input.name;
  keys_ = input.keys;
  arguments_ = input.arguments;
  position_ = call.execution.request.position;
  only_reads_ = input.only_reads || program_->Has(kFunctionNoWrites);
  is_function_.store(program_->is_function(), std::memory_order_relaxed);
  is_out_of_memory_ = call.execution.IsOutOfMemory() && !program_->Has(kFunctionAllowOom);
  is_replicated_ = call.session.repeats_another_server();
  was_asking_ = call.execution.was_asking;
  has_fence_ = (parts_.needs.Get() & call.session.checked_needs & kNeedsNoFence) != 0;
  client_session_ = &call.session;
  txn_ = call.in_transaction ? &call.txn : &own_txn_;
  may_suspend_ = call.may_wait || (call.in_transaction && call.execution.enclosing->turns != nullptr);
  enclosing_.turns = may_suspend_ ? &turns_ : nullptr;
  leaves_at_once_ = may_suspend_ && txn_ == &own_txn_ && program_->TakesLong();
  leaves_first_ = call.may_wait && IsLong(call.args.all());
  if (leaves_first_) lent_ = std::make_shared<LentInput>();
  is_irrevocable_ = program_->TakeCare();
  PinClusterView(call);
  ResetSession(call.session);
  own_txn_.ActLike(call.txn);
  own_txn_.ForgetDependence();
  reply_.set_protocol(call.reply.protocol());
  const Progress progress = GoOn();
  if (progress != Progress::kEnded) fiber_.NoteLate();
  return progress;
}

ScriptRun::Progress ScriptRun::Resume() {
  if (elsewhere_.is_under_way()) return Progress::kWaits;
  own_txn_.TakeOver();
  fiber_.BeginSlice();
  return GoOn();
}

bool ScriptRun::MoveTo(ThreadState& thread, size_t slot) {
  thread_ = &thread;
  slot_of_clock_ = slot;
  return true;
}

void ScriptRun::LoadAndRun() {
  error_was_counted_ = false;
  replied_new_error_ = false;
  if (std::exchange(leaves_first_, false)) Suspend(false);
  if (is_ended()) return reply_.Error(KilledError());
  if (const std::optional<std::string> error = program_->Load(*state_, *this)) {
    if (!error->empty()) reply_.Error(*error);
    return;
  }
  program_->Run(state_->state, *this, keys_, arguments_, reply_);
  error_was_counted_ = state_->state.error_was_counted();
}

ScriptRun::Progress ScriptRun::GoOn() {
  for (;;) {
    if (!fiber_.is_under_way()) {
      if (is_ended()) return EndWith(KilledError());
      if (WaitsForFence()) return Progress::kWaits;
      if (!LockDeclared()) {
        return HoldOnDeclared() == storage::Hold::kOverdue ? EndWith(BusyError(parts_)) : Progress::kWaits;
      }
    }
    // Threads of clients wait for no lock of one that has less of the processors than they.
    if (is_moved()) txn_->HoldForLong();
    if (!std::exchange(has_begun_, true) && execution_->row().Has(kRunsScript)) TellMonitorsOnce(*execution_);
    if (!Enter()) return fiber_.waits() ? Progress::kWaits : Progress::kSuspended;
    const bool is_busy = std::exchange(is_busy_, false);
    if (begins_again_) {
      BeginAgain();
    } else if (!is_busy) {
      return Progress::kEnded;
    }
    if (is_busy) return EndWith(BusyError(parts_));
  }
}

bool ScriptRun::Enter() {
  const uint64_t slice = leaves_at_once_ ? ScriptClock::kFirstSliceNs : SliceNanoseconds();
  clock_.Begin(slot_of_clock_, state_->state, fiber_.slice_began(), slice);
  if (leaves_at_once_) state_->state.RequestPulse();
  const bool has_ended = fiber_.Enter(&Body, this);
  clock_.End(slot_of_clock_);
  return has_ended;
}

// What it has said to the client is forgotten too; the session is as it was. It may have been killed meanwhile.
void ScriptRun::BeginAgain() {
  Keep();
  begins_again_ = false;
  is_irrevocable_ = true;
  txn_->Rollback();
  ForgetReply();
  Stage stage = Stage::kHasWritten;
  const bool had_written = stage_.compare_exchange_strong(stage, Stage::kReads);  // it may have been killed
  events_.Undo(had_written ? events_before_changes_ : events_.items().size());
  enclosing_.ForgetDeferred();
  session_.db = db_;
  slot_.reset();
}

void ScriptRun::ForgetReply() {
  output_.TruncateTo(0);
  reply_ = resp::ReplyWriter(output_, reply_.protocol());
}

storage::Hold ScriptRun::HoldOnDeclared() const {
  storage::Store& store = parts_.data.store();
  storage::Hold hold = is_irrevocable_ ? store.long_holds().right_to_wait().hold() : storage::Hold::kShort;
  for (const std::string_view key : keys_) {
    const size_t partition = PositionOf(key, store.placement()).partition();
    hold = std::max(hold, store.partition(partition).mutex.hold());
  }
  return hold;
}

// As if the kill had met it in its first line.
std::string ScriptRun::KilledError() const {
  std::string text(kKilled);
  text.append(" script: ").append(name_).append(", on ");
  return text.append(is_function() ? "@user_function" : "@user_script").append(":1.");
}

ScriptRun::Progress ScriptRun::EndWith(std::string_view error) {
  ForgetReply();
  reply_.Error(error);
  error_was_counted_ = false;
  return Progress::kEnded;
}

void ScriptRun::Keep() {
  if (keeps_) return;
  keeps_ = true;
  client_ = client_session_->card;
  kept_program_ = program_->shared_from_this();
  if (lent_ == nullptr) return KeepWords();
  kept_words_.assign(keys_.begin(), keys_.end());
  kept_words_.insert(kept_words_.end(), arguments_.begin(), arguments_.end());
  const std::span<const std::string_view> words = kept_words_;
  keys_ = words.first(keys_.size());
  arguments_ = words.subspan(keys_.size());
  kept_bytes_ = name_;
  name_ = kept_bytes_;
}

void ScriptRun::KeepWords() {
  const auto visit = [this](const auto& keep) {
    for (const std::string_view key : keys_) keep(key);
    for (const std::string_view argument : arguments_) keep(argument);
    keep(name_);
  };
  size_t bytes = 0;
  visit([&](std::string_view word) { bytes += word.size(); });
  kept_bytes_.reserve(bytes);  // no view into it may move
  visit([this](std::string_view word) {
    const size_t at = kept_bytes_.size();
    kept_bytes_.append(word);
    kept_words_.emplace_back(kept_bytes_.data() + at, word.size());
  });
  const std::span<const std::string_view> words = kept_words_;
  keys_ = words.first(keys_.size());
  arguments_ = words.subspan(keys_.size(), arguments_.size());
  name_ = words.back();
}

void ScriptRun::Release() {
  keeps_ = false;
  client_.reset();
  kept_program_.reset();
  // An assigned empty one would keep the memory.
  std::string().swap(kept_bytes_);
  std::vector<std::string_view>().swap(kept_words_);
  if (lent_ != nullptr) parts_.long_work.FreeLater(std::move(lent_));
}

void ScriptRun::ResetSession(const Session& of) {
  session_.ResetSettings();
  session_.db = db_ = of.db;
  session_.authenticated = true;
  session_.user.Set(of.user.account());
  session_.no_touch = of.no_touch;
  session_.reads_from_replica = of.reads_from_replica;
  session_.checked_needs = of.checked_needs;
  session_.tells_over = of.tells_over;
  session_.tracking = of.tracking;
}

// --- the end --------------------------------------------------------------------------------------------------------

void ScriptRun::Unlock() {
  parts_.key_events.TellAll(events_, thread_->index);
  if (txn_ != &own_txn_) return;
  own_txn_.Unlock();
  for (const auto& work : enclosing_.after_unlock) work();
}

void ScriptRun::Finish(AdminCall& call) {
  if (txn_ != &own_txn_) {
    auto& outer = call.execution.enclosing->after_unlock;
    std::move(enclosing_.after_unlock.begin(), enclosing_.after_unlock.end(), std::back_inserter(outer));
  }
  Unlock();
  call.txn.DependOn(own_txn_.depends_on());
  program_->NoteLength(took_long_);
  const std::string_view reply = output_.Readable();
  if (reply_.errors() > 0 && reply.starts_with('-')) {
    const std::string_view error = reply.substr(1, reply.size() - 3);
    error_was_counted_ ? call.reply.RepeatedError(error) : call.reply.Error(error);
  } else {
    call.reply.Raw(reply);
  }
  Clear();
}

void ScriptRun::FinishLate() {
  own_txn_.TakeOver();
  // Before the unlocking, as in Retry: the answer may be delivered in a later term, which did not assign its LSN.
  const uint32_t term = parts_.replication.quorum_term();
  Unlock();
  program_->NoteLength(took_long_);
  const std::string_view reply = output_.Readable();
  const bool has_failed = reply_.errors() > 0 && reply.starts_with('-');
  std::string code(error_was_counted_ ? std::string_view() : reply_.last_error_code());
  parts_.links.Answer(*client_, LateAnswer{.reply = std::string(reply),
                                           .lsn = own_txn_.depends_on(),
                                           .term = term,
                                           .error = has_failed ? std::optional(std::move(code)) : std::nullopt,
                                           .is_accounted = true,
                                           .nanoseconds = fiber_.LateNanoseconds()});
  Clear();
}

void ScriptRun::Clear() {
  if (keeps_) Release();
  lent_.reset();
  thread_ = &home_;
  slot_of_clock_ = home_slot_;
  view_.reset();
  state_ = nullptr;
  txn_ = nullptr;
  output_.TruncateTo(0);
  output_.ShrinkTo(kReplyKept);
  reply_ = resp::ReplyWriter(output_, 2);
  events_.Clear();
  enclosing_.ForgetDeferred();
  slot_.reset();
  fenced_.clear();
  has_begun_ = false;
  was_done_elsewhere_ = false;
  took_long_ = false;
  begins_again_ = false;
  is_final_ = false;
  stage_.store(Stage::kReads, std::memory_order_relaxed);
  is_overdue_.store(false, std::memory_order_relaxed);
}

bool ScriptRun::Abandon() {
  elsewhere_.WaitForEnd();
  own_txn_.TakeOver();
  fiber_.Abandon();
  while (fiber_.is_under_way()) Enter();
  if (txn_ == nullptr) return true;
  if (!own_txn_.MayRollback()) return false;
  own_txn_.Rollback();
  Clear();
  return true;
}

std::vector<std::string> ScriptRun::CommandWords() const {
  std::vector<std::string> words = {only_reads_ ? "fcall_ro" : "fcall", std::string(name_),
                                    std::to_string(keys_.size())};
  words.insert(words.end(), keys_.begin(), keys_.end());
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  return words;
}

ScriptRun::Killed ScriptRun::Kill() {
  if (is_replicated_) return Killed::kIsReplicated;
  Stage before = Stage::kReads;
  stage_.compare_exchange_strong(before, Stage::kKilled);
  return before == Stage::kHasWritten ? Killed::kHasWritten : Killed::kYes;
}

ScriptRun::Killed ScriptRun::MayKill() const {
  if (is_replicated_) return Killed::kIsReplicated;
  return stage_.load() == Stage::kHasWritten ? Killed::kHasWritten : Killed::kYes;
}

// --- time -----------------------------------------------------------------------------------------------------------

Pulse ScriptRun::OnPulse() {
  if (!is_ended() && fiber_.IsSliceOver(SliceNanoseconds())) {
    took_long_ = !std::exchange(leaves_at_once_, false);
    NoteOverdue();
    may_suspend_ ? Suspend(false) : Persist();
  }
#ifdef RINGKV_THREAD_SANITIZED
  state_->state.RequestPulse();  // the sanitizer keeps signals back until the thread calls the system
#endif
  return is_ended() ? Pulse::kEnd : Pulse::kContinue;
}

// Its thread can do nothing else meanwhile, not even receive SCRIPT KILL: so it doesn't wait for that.
void ScriptRun::Persist() {
  fiber_.BeginSlice();
  if (is_overdue() && thread_->index != kNoThread) Kill();
}

void ScriptRun::Suspend(bool waits) {
  Keep();
  txn_->HoldForLong(is_overdue() ? storage::Hold::kOverdue : storage::Hold::kLong);
  static_cast<void>(fiber_.Suspend(waits));
  NoteOverdue();
}

bool ScriptRun::CallTurns::Suspend(bool waits) {
  run_.Suspend(waits);
  return !run_.is_ended();
}

bool ScriptRun::CallTurns::DoElsewhere(const std::function<void()>& work) {
  const bool is_alone = run_.txn_ == &run_.own_txn_;
  run_.was_done_elsewhere_ = true;
  run_.Keep();
  is_alone ? run_.elsewhere_.Begin(run_.parts_, *run_.txn_, work) : void(run_.left_work_ = &work);
  static_cast<void>(run_.fiber_.Suspend(true));
  run_.left_work_ = nullptr;
  run_.NoteOverdue();
  return !run_.is_ended();
}

std::shared_ptr<ClientCard> ScriptRun::CallTurns::client() const {
  return run_.keeps_ ? run_.client_ : run_.client_session_->card;
}

void ScriptRun::WaitForOthers() {
  if (!may_suspend_) {
    // A thread without clients, which nobody waits for.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return;
  }
  static_cast<void>(turns_.Suspend(true));
}

void ScriptRun::NoteOverdue() {
  const int64_t threshold = parts_.options.busy_reply_threshold;
  const auto milliseconds = static_cast<int64_t>(Nanoseconds() / 1'000'000);
  if (is_overdue() || threshold <= 0 || milliseconds < threshold) return;
  is_overdue_.store(true, std::memory_order_relaxed);
  parts_.long_holds.set_busy_with(is_function() ? BusyWith::kFunction : BusyWith::kScript);
  if (may_suspend_ && !is_moved()) thread_->is_overdue = true;  // until it has ended
  parts_.log.Warning("Slow script detected: still in execution after " + std::to_string(milliseconds) +
                     " milliseconds. You can try killing the script using the " +
                     (is_function() ? "FUNCTION" : "SCRIPT") + " KILL command. Script name is: " + std::string(name_) +
                     ".");
}

void ScriptRun::Log(ScriptLogLevel level, std::string_view text) {
  parts_.log.Write(LogLevelOf(level), std::string(text));
}

// As redis-server counts: the call has failed once for all new errors, and once for each that a command had before.
void ScriptRun::NoteErrorInReply(std::string_view code, bool was_counted) {
  ThreadStatistics& statistics = thread_->statistics;
  if (!was_counted) statistics.CountError(code);
  if (was_counted || !std::exchange(replied_new_error_, true)) statistics.per_command[command_].failed.Add(1);
}

std::string_view ScriptRun::unwind_error() const {
  if (begins_again_ || is_busy_ || fiber_.is_abandoned()) return {};
  return kKilled.substr(kKilled.find(' ') + 1);  // the code is added
}

}  // namespace ringkv::server
