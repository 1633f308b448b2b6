// SPDX-License-Identifier: MIT
// The scripts of a server: the registry of their texts, and the runs of each thread.
//
// Threads: synchronised; what belongs to a thread is used by that one only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/command/command.h"
#include "server/execution/execution_parts.h"
#include "server/scripts/script_parts.h"
#include "server/scripts/thread_scripts.h"

namespace ringkv::server {

class Scripts {
 public:
  // `aside`: the states of the threads beside those that serve clients, one for each. `seed`: of hash tables. All
  // references must outlive the object.
  Scripts(const ExecutionParts& parts, WatchedKeys& watched_keys, std::span<const std::unique_ptr<ThreadState>> aside,
          uint64_t seed);
  Scripts(const Scripts&) = delete;
  Scripts& operator=(const Scripts&) = delete;

  // The script of a text. If it is not known yet, it is when its run has compiled it. Null, with the error written, if
  // its first line is wrong. Like that of Find it is borrowed, until the thread looks for another one.
  const Script* Obtain(AdminCall& call, std::string_view text) { return Of(call.thread.index).Obtain(call, text); }
  // SCRIPT LOAD: compiles it, keeps it until SCRIPT FLUSH, and replies, or sets the outcome.
  void LoadScript(AdminCall& call, std::string_view text) { Of(call.thread.index).LoadScript(call, text); }
  // EVAL of a text that is so long that the run reads it. `keys`: how many of its arguments are keys.
  static bool IsLongText(const AdminCall& call, std::string_view text) { return ThreadScripts::IsLongText(call, text); }
  void RunLongText(AdminCall& call, size_t keys) { Of(call.thread.index).RunLongText(call, keys); }
  // Null if there is no script with this SHA-1, in whatever case. `thread`: the calling one's.
  const Script* Find(const ThreadState& thread, std::string_view sha1);
  // The function of this name. Null, with the error written, if there is none; or null if the request is postponed.
  SharedFunction FindFunction(AdminCall& call, std::string_view name) {
    return Of(call.thread.index).FindFunction(call, name);
  }
  // Null if the request is postponed, because new ones are being loaded.
  std::shared_ptr<const FunctionCatalog> AllFunctions(AdminCall& call) {
    return Of(call.thread.index).AllFunctions(call);
  }
  Functions& functions() { return parts_.functions; }
  // The place of a thread in the clock.
  size_t SlotOf(size_t thread) const { return std::min(thread, threads_.size() - 1); }
  // Creates a library from its code, for a thread that serves no clients. The transaction holds no lock.
  storage::Status LoadLibrary(storage::Txn& txn, const std::string& code);
  // Runs a program for the request that `call` is; replies, or sets the outcome.
  void Run(AdminCall& call, const ScriptInput& input) { Of(call.thread.index).Run(call, input); }

  // FUNCTION LOAD and FUNCTION RESTORE: creates libraries, and replies, or sets the outcome.
  void LoadLibraries(AdminCall& call, const LibrarySource& source) {
    Of(call.thread.index).LoadLibraries(call, source);
  }

  // Runs EXEC of a client that can be answered later, in turns with the other work of the thread.
  void RunTransaction(AdminCall& call) { Of(call.thread.index).RunTransaction(call); }
  // Goes on with EXEC that has stopped, likewise.
  void GoOnInTurns(AdminCall& call, QueuedRun stopped) { Of(call.thread.index).GoOnInTurns(call, std::move(stopped)); }
  // Whether one more may.
  bool MayTakeTurns(const AdminCall& call) { return Of(call.thread.index).MayTakeTurns(); }

  // Whether scripts may call commands that are not for scripts, as far as EXEC may run them.
  void set_disables_deny(bool disables) { parts_.disables_deny = disables; }
  // SCRIPT KILL, or FUNCTION KILL. Returns the error; empty if some run will end.
  std::string_view Kill(bool functions);
  // The function that has run for long, and the longest; none if none has.
  std::optional<LongRuns::Running> LongestFunction() const { return parts_.long_runs.OldestFunction(); }
  // Those of all kinds that have not written.
  void KillAll();
  // The error for requests that an overdue run keeps waiting; empty if there is none.
  std::string_view BusyError() const { return parts_.long_runs.BusyError(); }

  // --- for the threads that serve clients, each with its number ---
  // From now on scripts that take long are moved to a thread beside this one.
  void StartMoving(size_t thread) { Of(thread).StartMoving(); }
  // From time to time, by one thread: if libraries or scripts are gone, each thread soon frees what it keeps of them.
  void Tick();
  // Goes on with the runs of this thread that waited for locks.
  void ResumeWaiting(size_t thread) { Of(thread).ResumeWaiting(); }
  // Calls `then` when the runs that are suspended on this thread now have ended.
  void AfterRuns(size_t thread, std::function<void()> then) { Of(thread).AfterRuns(std::move(then)); }
  // Ends the runs of this thread in any case, and undoes them: the thread ends.
  void EndRuns(size_t thread) { Of(thread).EndRuns(); }
  // Some run could not be undone, and holds its locks for ever: the process must end without waiting for them.
  bool has_stuck() const { return parts_.has_stuck; }

  ScriptRegistry& registry() { return parts_.registry; }
  // Bytes of the Lua states.
  size_t interpreter_memory(LuaState::Purpose purpose) const {
    return parts_.memory[static_cast<size_t>(purpose)].used();
  }

 private:
  ThreadScripts& Of(size_t thread);

  ScriptParts parts_;
  // As of the last tick.
  uint64_t library_version_ = 0;
  uint64_t registry_version_ = 0;
  // By thread; the last is of the thread that serves no clients, of which only one runs scripts (migrate-from).
  std::vector<std::unique_ptr<ThreadScripts>> threads_;
};

}  // namespace ringkv::server
