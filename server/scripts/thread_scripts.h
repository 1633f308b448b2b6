// SPDX-License-Identifier: MIT
// The interpreters and runs of one thread. A run that is suspended keeps its own; the next one gets another.
//
// Threads: confined, but for the memory of the interpreters.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/scripts/function_catalog.h"
#include "server/scripts/library_load.h"
#include "server/scripts/loaded_state.h"
#include "server/scripts/script_parts.h"
#include "server/scripts/script_registry.h"
#include "server/scripts/script_run.h"
#include "server/scripts/sliced_runs.h"
#include "server/scripts/transaction_run.h"
#include "server/scripts/unread_script.h"

namespace ringkv::server {

class ThreadScripts {
 public:
  // `thread`: its number. `aside`: the state of the thread beside it; null: there is none. `parts` must outlive the
  // object.
  ThreadScripts(ScriptParts& parts, size_t thread, ThreadState* aside)
      : parts_(parts), thread_(thread), runs_(parts.execution.links, thread, aside), known_(0, parts.hash) {}
  ~ThreadScripts() { EndRuns(); }
  ThreadScripts(const ThreadScripts&) = delete;
  ThreadScripts& operator=(const ThreadScripts&) = delete;

  // As in Scripts.
  const Script* Obtain(AdminCall& call, std::string_view text) { return Obtain(call, text, false); }
  void LoadScript(AdminCall& call, std::string_view text);
  static bool IsLongText(const AdminCall& call, std::string_view text) {
    return call.may_wait && text.size() > UnreadScript::kLong;
  }
  void RunLongText(AdminCall& call, size_t keys);
  const Script* Find(std::string_view sha1);
  SharedFunction FindFunction(AdminCall& call, std::string_view name);
  std::shared_ptr<const FunctionCatalog> AllFunctions(AdminCall& call);
  void Run(AdminCall& call, const ScriptInput& input);
  void RunTransaction(AdminCall& call);
  void GoOnInTurns(AdminCall& call, QueuedRun stopped);
  bool MayTakeTurns() const { return !runs_.is_full() && !parts_.execution.data.store().long_holds().has_starving(); }
  void LoadLibraries(AdminCall& call, const LibrarySource& source);
  void StartMoving() { runs_.StartMoving(); }
  void ResumeWaiting() { runs_.ResumeWaiting(); }
  // What idle interpreters keep of libraries and scripts that the server has no longer is freed.
  void DropStale();
  void AfterRuns(std::function<void()> then) { runs_.After(std::move(then)); }
  void EndRuns();

 private:
  static constexpr size_t kMostKnown = 1000;
  static constexpr size_t kMostKnownBytes = 4 << 20;
  static constexpr size_t kIdleKept = 2;
  static constexpr size_t kMostStaleBytes = 1 << 20;

  // A run with its interpreter.
  struct Seat {
    std::unique_ptr<ScriptRun> run;
    std::unique_ptr<LoadedState> state;
  };
  class SuspendedScript;
  class SuspendedTransaction;

  const Script* Obtain(AdminCall& call, std::string_view text, bool stays);
  // Compiles the script, and replies with its SHA-1, or with this error.
  void RunLoading(AdminCall& call, SharedScript script, std::string error);
  // Likewise, if it is long.
  void RunUnread(AdminCall& call, std::string_view text, bool stays, std::string error);
  LuaMemory& MemoryFor(LuaState::Purpose purpose);
  std::unique_ptr<LoadedState> TakeState(LuaState::Purpose purpose);
  std::unique_ptr<ScriptRun> TakeRun(ThreadState& thread);
  void GiveBack(Seat& seat);
  // Whether the interpreter may be kept for other runs, without what the server has no longer.
  bool MayKeep(LoadedState& loaded) const;
  // Goes on with a script that a transaction runs, in the turns of that. False if the server ends.
  bool RunInTurns(Turns& turns, ScriptRun& run, ScriptRun::Progress progress);
  // Waits until the codes of new libraries have been run. False if the request is postponed instead, or ends.
  bool WaitForCodes(AdminCall& call);
  void FinishLoad(AdminCall& call, const LibrarySource& source, const Functions::Prepared& prepared);
  std::unique_ptr<TransactionRun> TakeTransaction(ThreadState& thread);
  void GiveBack(std::unique_ptr<TransactionRun> run);
  // It is under way, or has ended.
  void Settle(AdminCall& call, std::unique_ptr<TransactionRun> run);
  void DropKnownIfFlushed();
  // By all means but the last one found.
  const Script* LookUp(std::string_view sha1);
  const Script* Remember(const SharedScript& script);

  ScriptParts& parts_;
  const size_t thread_;
  std::vector<std::unique_ptr<ScriptRun>> idle_runs_;
  std::vector<std::unique_ptr<TransactionRun>> idle_transactions_;
  std::vector<std::unique_ptr<LoadedState>> idle_[2];  // by purpose
  SlicedRuns runs_;
  // The scripts that this thread has used; without a lock.
  std::unordered_map<std::string_view, SharedScript, storage::SeededHash> known_;
  size_t known_bytes_ = 0;
  uint64_t known_version_ = 0;
  const Script* last_found_ = nullptr;  // of them, as it is looked for again and again
  SharedScript new_script_;             // that Obtain has returned, if it was not known, until it is run
  // The functions as of the last call of one.
  std::shared_ptr<const FunctionCatalog> catalog_;
  uint64_t catalog_version_ = 0;  // of the store's libraries; UINT64_MAX: of none
  uint64_t catalog_number_ = 0;   // greater for each catalog
  storage::Lsn catalog_depends_on_ = 0;
};

}  // namespace ringkv::server
