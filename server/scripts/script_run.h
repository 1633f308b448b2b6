// SPDX-License-Identifier: MIT
// One execution of a script or function, on a stack of its own and in a transaction of its own: after its first slice
// of time it takes turns with the other work of its thread, while it keeps its locks.
//
// A run learns its keys as it goes: it locks those that are declared, and each call locks what else it needs. Where
// that could be a deadlock, the run undoes what it has done and begins again
// (docs/decisions/034-keys-that-were-not-declared.md).
//
// Threads: confined to the thread that began it, except Kill and what the comments say.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "resp/buffer.h"
#include "resp/reply_writer.h"
#include "server/command/command.h"
#include "server/execution/caller.h"
#include "server/execution/enclosing.h"
#include "server/execution/execution_parts.h"
#include "server/execution/lent_input.h"
#include "server/execution/turns.h"
#include "server/execution/work_elsewhere.h"
#include "server/scripts/call_names.h"
#include "server/scripts/program.h"
#include "server/scripts/script_clock.h"
#include "server/scripts/sliced_fiber.h"
#include "server/scripts/sliced_run.h"
#include "server/session/session.h"
#include "storage/base/random.h"
#include "storage/effects/key_event.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

// Of a program that is about to run. Borrowed until Begin returns.
struct ScriptInput {
  const Program& program;
  std::span<const std::string_view> keys;
  std::span<const std::string_view> arguments;
  std::string_view name;  // of the script or function, for log lines
  bool only_reads = false;
};

class ScriptRun final : public ScriptHost {
 public:
  // All references must outlive the object.
  // `slot`: of the thread in the clock.
  // `disables_deny`: see Scripts::set_disables_deny.
  ScriptRun(const ExecutionParts& parts, ScriptClock& clock, size_t slot, ThreadState& thread,
            WatchedKeys& watched_keys, const std::atomic<bool>& disables_deny);
  ~ScriptRun() override;
  ScriptRun(const ScriptRun&) = delete;
  ScriptRun& operator=(const ScriptRun&) = delete;

  using Progress = SlicedRun::Progress;
  // Begins to run what `call` asks for, in `state`, where the program is loaded first. The state must stay until the
  // end.
  Progress Begin(const AdminCall& call, const ScriptInput& input, LoadedState& state);
  // Goes on for a slice.
  Progress Resume();
  // As in SlicedRun. `slot`: of the other thread in the clock.
  bool MoveTo(ThreadState& thread, size_t slot);
  // Whether it was made for this thread.
  bool IsOf(const ThreadState& thread) const { return &thread == &home_; }
  // Whether nothing of it has run yet, so that the request may be postponed instead: Drop.
  bool has_begun() const { return has_begun_; }
  // In EXEC: the work of a call that takes long, which EXEC has done before the run goes on; null if it just waits.
  const std::function<void()>* left_work() const { return left_work_; }
  // Where the bytes of a long request are to stay, which is suspended; null: they are copied.
  const std::shared_ptr<LentInput>& lent() const { return lent_; }
  // It waits until MIGRATE has sent a key, and holds nothing meanwhile.
  bool is_postponed() const { return !fenced_.empty(); }
  void Drop() { Clear(); }
  // After the end: unlocks, does what was deferred until then, and hands the reply over: by `call` if the run has never
  // been suspended, else to the client's connection.
  void Finish(AdminCall& call);
  void FinishLate();
  // Ends it in any case, without a reply, because the server ends. False if it has changed what can't be undone: then
  // it keeps its locks, so that nobody sees that, and must stay until the process is gone.
  [[nodiscard]] bool Abandon();

  // --- by any thread ---
  enum class Killed : uint8_t { kYes, kHasWritten, kIsReplicated };
  Killed Kill();
  // What Kill would return now.
  Killed MayKill() const;
  bool is_function() const { return is_function_.load(std::memory_order_relaxed); }
  // It has lasted longer than clients should be kept waiting (busy-reply-threshold).
  bool is_overdue() const { return is_overdue_.load(std::memory_order_relaxed); }
  // --- likewise, of a run that has been suspended ---
  std::string_view name() const { return name_; }
  // The request of a function; for messages.
  std::vector<std::string> CommandWords() const;
  uint64_t Nanoseconds() const { return fiber_.Nanoseconds(); }

  // --- ScriptHost ---
  Pulse Call(std::span<const std::string_view> argv, resp::ReplyWriter& reply) override;
  Pulse OnPulse() override;
  void Log(ScriptLogLevel level, std::string_view text) override;
  CommandPermit CheckPermit(std::span<const std::string_view> argv) override;
  void SetReplication(int) override {}
  void NoteErrorInReply(std::string_view code, bool was_counted) override;
  std::string_view unwind_error() const override;

 private:
  enum class Stage : uint8_t { kReads, kHasWritten, kKilled };

  // For a call that takes long.
  class CallTurns final : public Turns {
   public:
    explicit CallTurns(ScriptRun& run) : run_(run) {}
    bool GoOn() override { return run_.OnPulse() == Pulse::kContinue; }
    bool Suspend(bool waits) override;
    bool DoElsewhere(const std::function<void()>& work) override;
    std::shared_ptr<ClientCard> client() const override;

   private:
    ScriptRun& run_;
  };

  static void Body(void* with) { static_cast<ScriptRun*>(with)->LoadAndRun(); }
  // Loads in the same slices of time, because the code of a library may take long too.
  void LoadAndRun();
  // Runs a slice, and the program from its start again if it has to.
  Progress GoOn();
  // Runs on the own stack, until the program ends or is suspended. True when it has ended.
  bool Enter();
  // Copies what the request only lends, before the run outlasts it.
  void Keep();
  void KeepWords();
  void Release();
  void ResetSession(const Session& of);
  // Before a command writes: whether no key of it is being sent to another server. Waits for that, or begins again.
  bool PassFence(const Command& row, std::span<const std::string_view> argv);
  // Whether the keys that it was postponed for are still being sent, or clients are paused.
  bool WaitsForFence();
  // Locks what the program declares. False if others hold it for long; then nothing is locked.
  bool LockDeclared();
  bool LockKeys(bool waits_for_long);
  // Ends the program, which will begin again; it is remembered as one that does so.
  Pulse RestartLater();
  // Of a run whose keys somebody has held for too long: whether it ends with BUSY, because it can leave nothing behind.
  bool GivesUp();
  // Undoes everything so that the program can begin again.
  void BeginAgain();
  void ForgetReply();
  // How long others hold what keeps it from beginning.
  storage::Hold HoldOnDeclared() const;
  std::string KilledError() const;
  // Ends it with this reply instead of its own.
  Progress EndWith(std::string_view error);
  // Why the command may not run here now; empty if it may.
  std::string WhyRefused(const CommandEntry& entry, std::span<const std::string_view> argv);
  std::string WhyNotLocal(const CommandEntry& entry, std::span<const std::string_view> argv);
  Pulse Refuse(const CommandEntry* entry, std::string_view error, resp::ReplyWriter& reply);
  void PinClusterView(const AdminCall& call);
  // If the program began while slots were held for their hand-over: waits for its end, before all data is deleted.
  Pulse WaitForHeldSlots();
  // Locks what a call needs. kEnd: the run has to begin again, or to end.
  Pulse Lock(const CommandEntry& entry, std::span<const std::string_view> argv);
  // Before a call that can't be undone. False: the run begins again first, so that nothing will have to be undone.
  bool GiveUpUndo();
  bool MayWrite();
  // Goes on, because it can't be suspended.
  void Persist();
  // Lets the thread do other work. On the own stack.
  void Suspend(bool waits);
  // Likewise until others hold less.
  void WaitForOthers();
  void NoteOverdue();
  bool is_ended() const { return stage_.load(std::memory_order_relaxed) == Stage::kKilled || fiber_.is_abandoned(); }
  bool is_moved() const { return thread_ != &home_; }
  uint64_t SliceNanoseconds() const {
    if (leaves_at_once_) return 0;
    return is_moved() ? ScriptClock::kFirstSliceNs : fiber_.SliceNanoseconds();
  }
  // After a call: leaves its thread if that would have much to do with the reply.
  void LeaveWith(size_t reply_bytes);
  Caller CallerFor(resp::ReplyWriter& reply) {
    return {.parts = parts_,
            .thread = *thread_,
            .session = session_,
            .reply = reply,
            .may_ask_others = false,
            .own_txn = txn_};
  }
  void Unlock();
  void Clear();

  const ExecutionParts& parts_;
  ScriptClock& clock_;
  const std::atomic<bool>& disables_deny_;
  const size_t home_slot_;
  ThreadState& home_;  // of the thread that began it
  size_t slot_of_clock_ = home_slot_;
  ThreadState* thread_ = &home_;  // that which goes on with it
  CallNames names_;
  Session session_;  // of the calls
  CallTurns turns_{*this};
  storage::Random random_;
  storage::Txn own_txn_;
  WorkElsewhere elsewhere_;
  SlicedFiber fiber_;

  const ClientCard& client() const { return keeps_ ? *client_ : *client_session_->card; }

  // Of the run that is under way.
  storage::Txn* txn_ = nullptr;  // the own one, or that of EXEC, which has locked the declared keys
  LoadedState* state_ = nullptr;
  Execution* execution_ = nullptr;  // of the request, until it has begun
  const Session* client_session_ = nullptr;
  const Program* program_ = nullptr;
  std::string_view name_;
  std::span<const std::string_view> keys_;
  std::span<const std::string_view> arguments_;
  std::optional<storage::Position> position_;  // of the only key, if the request was prepared
  std::shared_ptr<LentInput> lent_;
  // Copies of these, once the run has outlasted its request, but for what is lent.
  bool keeps_ = false;
  std::shared_ptr<ClientCard> client_;
  std::shared_ptr<const Program> kept_program_;
  std::string kept_bytes_;  // of the words and the name
  std::vector<std::string_view> kept_words_;
  bool only_reads_ = false;
  bool is_out_of_memory_ = false;
  bool was_asking_ = false;
  bool has_fence_ = false;           // keys were fenced when it began: a declared one wasn't
  std::vector<std::string> fenced_;  // see is_postponed
  bool may_suspend_ = false;
  bool leaves_at_once_ = false;      // its thread, before the first instruction
  bool leaves_first_ = false;        // likewise, before it takes over the request, which is long
  bool was_done_elsewhere_ = false;  // what it has called last
  bool took_long_ = false;           // it has used up a slice
  bool is_irrevocable_ = false;      // begins with the right to wait for locks that it does not know yet
  bool has_begun_ = false;
  bool begins_again_ = false;
  bool is_final_ = false;           // it has done what can't be undone, so it never begins again
  bool is_busy_ = false;            // see GivesUp
  bool error_was_counted_ = false;  // the one that it returned, by the command that it called
  bool replied_new_error_ = false;  // in an array
  size_t command_ = 0;              // of the request, for statistics
  storage::DbIndex db_ = 0;
  // In a cluster: the view that admitted the program, because the hand-over of a slot waits for what was admitted
  // before (SlotExport::HandOver). A program that is under way sees nothing of it.
  std::shared_ptr<const ClusterView> view_;
  bool stands_in_ = false;      // for a primary that can't be reached: reads only
  std::optional<size_t> slot_;  // in a cluster, of all keys so far, where all must be in one
  std::atomic<Stage> stage_{Stage::kReads};
  std::atomic<bool> is_function_{false};
  std::atomic<bool> is_overdue_{false};
  bool is_replicated_ = false;  // from another server
  const std::function<void()>* left_work_ = nullptr;
  resp::Buffer output_;
  resp::ReplyWriter reply_{output_, 2};
  Enclosing enclosing_;
  storage::KeyEventList events_;
  size_t events_before_changes_ = 0;
};

}  // namespace ringkv::server
