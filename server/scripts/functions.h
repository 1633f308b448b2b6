// SPDX-License-Identifier: MIT
// The functions of a server: its libraries, which are data of the store, together with the functions that they
// register.
//
// The code of a library that a client brings is run before it is put into the store. That of one which comes from
// somewhere else (a primary, a file) is run when somebody asks for functions, by a thread for that: nobody waits for
// it who does not need that library.
//
// Threads: synchronised. Changes are made in a transaction that holds all partitions.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "server/base/client_links.h"
#include "server/config/options.h"
#include "server/execution/administration.h"
#include "server/execution/turns.h"
#include "server/lua/lua_memory.h"
#include "server/observe/log.h"
#include "server/scripts/function_catalog.h"
#include "server/scripts/script_clock.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

// What becomes of libraries that exist when others are restored.
enum class RestorePolicy : uint8_t {
  kAppend,   // one of the same name is an error
  kReplace,  // one of the same name is replaced
  kFlush,    // all are deleted
};

class Functions {
 public:
  // All references must outlive the object. `slot`: in the clock of scripts, no thread's.
  Functions(const Options& options, storage::Store& store, Log& log, const storage::Clock& clock,
            ScriptClock& script_clock, size_t slot, LuaMemory& memory, Administration& administration,
            ClientLinks& links)
      : options_(options),
        store_(store),
        log_(log),
        clock_(clock),
        script_clock_(script_clock),
        slot_(slot),
        memory_(memory),
        administration_(administration),
        links_(links) {}
  Functions(const Functions&) = delete;
  Functions& operator=(const Functions&) = delete;

  // What is known of the functions. A library that can't be loaded is logged and has none, until that is tried again a
  // second later.
  struct Known {
    std::shared_ptr<const FunctionCatalog> catalog;
    bool is_loading;  // what is missing may come yet, then ClientLinks::ResumePaused follows; its loading has begun
  };
  // As the transaction sees them.
  Known Get(storage::Txn& txn) { return KnownOf(txn.ReadLibraries(), txn.has_changed_libraries()); }
  // As others see them now.
  Known Get() { return KnownOf(store_.libraries().Get().set, false); }
  // Loads what is missing, on the calling thread, which no client may wait for.
  void Load();
  // What is being loaded ends soon, because the server does.
  void EndLoads() { is_ending_ = true; }

  // Libraries whose code has been run, or the error for the client.
  struct Prepared {
    std::map<std::string, SharedLibrary, std::less<>> libraries;
    std::string error;
  };
  // Where and when code of clients runs.
  struct Seat {
    size_t slot;   // of the calling thread in the clock of scripts
    Turns* turns;  // null: at one go
  };
  // Of a code, for FUNCTION LOAD, and of a payload, for FUNCTION RESTORE. Needs no lock. Neither the transaction nor
  // the texts are needed any more when the first turn ends.
  Prepared Prepare(storage::Txn& txn, const Seat& seat, std::string_view code, bool replaces);
  Prepared PrepareAll(const Seat& seat, std::string_view payload);
  // Of a code that another server has accepted.
  Prepared PrepareAccepted(storage::Txn& txn, std::string_view code);
  // Puts them into the store. Returns the error for the client, and changes nothing then; empty: done. The transaction
  // holds all partitions.
  std::string Put(storage::Txn& txn, const Prepared& prepared, RestorePolicy policy);

 private:
  using Libraries = std::map<std::string, SharedLibrary, std::less<>>;
  using RunCode = std::function<SharedLibrary(SharedCode code, std::string& error)>;

  enum class Loading : uint8_t {
    kNo,
    kNew,    // of libraries that have not been tried
    kAgain,  // of what could not be loaded before
  };

  // `is_changed`: by a transaction that has not ended. `prepared`: libraries whose code has been run beforehand.
  Known KnownOf(std::shared_ptr<const storage::LibrarySet> set, bool is_changed, const Libraries& prepared = {});
  void LoadAside(Loading loading) REQUIRES(mutex_);
  // Loads the libraries of the store. False if they have changed meanwhile.
  bool TryLoad() REQUIRES(running_);
  // Runs the code of a library that a client brings, for so many milliseconds at most, which are taken off, and within
  // the limits of memory. Null with the error for the client.
  SharedLibrary RunNew(const Seat& seat, SharedCode code, int64_t& left_ms, std::string& error);
  // Likewise of one that has been accepted before, here or by another server: that others use up the memory or the
  // processor now must not lose it.
  SharedLibrary RunAccepted(SharedCode code, std::string& error) REQUIRES(running_);
  // Both: in an interpreter of its own.
  SharedLibrary Run(const Seat& seat, SharedCode code, int64_t& left_ms, LuaMemory& memory, std::string& error);
  Prepared PrepareOne(storage::Txn& txn, std::string_view code, bool replaces, const RunCode& run);

  const Options& options_;
  storage::Store& store_;
  Log& log_;
  const storage::Clock& clock_;
  ScriptClock& script_clock_;
  const size_t slot_;
  LuaMemory& memory_;
  Administration& administration_;
  ClientLinks& links_;
  std::atomic<bool> is_ending_{false};
  storage::Mutex running_;  // before the other one: of the slot in the clock of scripts; held while code runs
  storage::Mutex mutex_;
  // As the last transaction sees them that has changed them.
  std::shared_ptr<const FunctionCatalog> changed_ GUARDED_BY(mutex_) = std::make_shared<const FunctionCatalog>();
  std::shared_ptr<const FunctionCatalog> catalog_ GUARDED_BY(mutex_) = std::make_shared<const FunctionCatalog>();
  Loading loading_ GUARDED_BY(mutex_) = Loading::kNo;
  std::shared_ptr<const storage::LibrarySet> tried_ GUARDED_BY(mutex_);  // of which it was loaded last
  int64_t retry_at_ms_ GUARDED_BY(mutex_) = 0;  // when what is missing in it is loaded again, by the steady clock
};

}  // namespace ringkv::server
