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
#include "server/scripts/loaded_state.h"
#include "server/scripts/script_parts.h"
#include "server/scripts/script_registry.h"
#include "server/scripts/script_run.h"

namespace ringkv::server {

class ThreadScripts {
 public:
  // `thread`: its number. `parts` must outlive the object.
  ThreadScripts(ScriptParts& parts, size_t thread) : parts_(parts), thread_(thread), known_(0, parts.hash) {}
  ~ThreadScripts() { EndRuns(); }
  ThreadScripts(const ThreadScripts&) = delete;
  ThreadScripts& operator=(const ThreadScripts&) = delete;

  // As in Scripts.
  SharedScript Compile(AdminCall& call, std::string_view text, bool stays);
  SharedScript Find(std::string_view sha1);
  SharedFunction FindFunction(storage::Txn& txn, std::string_view name);
  void Run(AdminCall& call, const ScriptInput& input);
  void ResumeWaiting();
  void AfterRuns(std::function<void()> then);
  void EndRuns();

 private:
  static constexpr size_t kMostKnown = 1000;
  static constexpr size_t kIdleKept = 2;

  // A run with its interpreter.
  struct Seat {
    std::unique_ptr<ScriptRun> run;
    std::unique_ptr<LoadedState> state;
    uint64_t number = 0;  // in the order of suspension
    bool waits = false;   // for locks
  };
  using Seats = std::vector<std::unique_ptr<Seat>>;

  LuaMemory& MemoryFor(LuaState::Purpose purpose);
  std::unique_ptr<LoadedState> TakeState(LuaState::Purpose purpose);
  std::unique_ptr<ScriptRun> TakeRun(ThreadState& thread);
  // What the run has come to, which is suspended now or was.
  void Settle(Seat& seat, ScriptRun::Progress progress);
  // The suspended run with this number goes on soon.
  void ResumeLater(uint64_t number);
  void Resume(uint64_t number);
  void Remove(Seat& seat);
  bool HasOverdue() const;
  void GiveBack(Seat& seat);
  void RunAfterRuns();
  void DropKnownIfFlushed();
  void Remember(SharedScript script);

  ScriptParts& parts_;
  const size_t thread_;
  ThreadState* thread_state_ = nullptr;  // set by the first run
  std::vector<std::unique_ptr<ScriptRun>> idle_runs_;
  std::vector<std::unique_ptr<LoadedState>> idle_[2];  // by purpose
  Seats suspended_;
  uint64_t next_number_ = 0;
  std::vector<std::pair<uint64_t, std::function<void()>>> after_runs_;  // with the number of the first run not meant
  // The scripts that this thread has used; without a lock.
  std::unordered_map<std::string_view, SharedScript, storage::SeededHash> known_;
  uint64_t known_version_ = 0;
  // The functions as of the last call of one.
  std::shared_ptr<const FunctionCatalog> catalog_;
  uint64_t catalog_version_ = 0;  // of the store's libraries; UINT64_MAX: of none
  uint64_t catalog_number_ = 0;   // greater for each catalog
  storage::Lsn catalog_depends_on_ = 0;
};

}  // namespace ringkv::server
