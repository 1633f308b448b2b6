// SPDX-License-Identifier: MIT
// The functions of a server: its libraries, which are data of the store, together with the functions that they
// register.
//
// Threads: synchronised. Changes are made in a transaction that holds all partitions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "server/config/options.h"
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
  // All references must outlive the object.
  Functions(const Options& options, storage::Store& store, Log& log, const storage::Clock& clock,
            ScriptClock& script_clock, LuaMemory& memory)
      : options_(options), store_(store), log_(log), clock_(clock), script_clock_(script_clock), memory_(memory) {}
  Functions(const Functions&) = delete;
  Functions& operator=(const Functions&) = delete;

  // The functions as the transaction sees them. `slot`: of the calling thread in the clock of scripts. A library that
  // can't be loaded is logged, and has no functions.
  std::shared_ptr<const FunctionCatalog> Catalog(storage::Txn& txn, size_t slot) {
    return CatalogOf(txn.ReadLibraries(), slot);
  }
  // As others see them now.
  std::shared_ptr<const FunctionCatalog> Catalog(size_t slot) { return CatalogOf(store_.libraries().Get().set, slot); }

  // Libraries whose code has been run, or the error for the client.
  struct Prepared {
    std::map<std::string, SharedLibrary, std::less<>> libraries;
    std::string error;
  };
  // Of a code, for FUNCTION LOAD, and of a payload, for FUNCTION RESTORE. Needs no lock.
  Prepared Prepare(storage::Txn& txn, size_t slot, std::string_view code, bool replaces);
  Prepared PrepareAll(size_t slot, std::string_view payload);
  // Puts them into the store. Returns the error for the client, and changes nothing then; empty: done. The transaction
  // holds all partitions.
  std::string Put(storage::Txn& txn, size_t slot, const Prepared& prepared, RestorePolicy policy);

 private:
  using Libraries = std::map<std::string, SharedLibrary, std::less<>>;

  // `known`: libraries whose code need not be run again.
  std::shared_ptr<const FunctionCatalog> CatalogOf(std::shared_ptr<const storage::LibrarySet> set, size_t slot,
                                                   const Libraries& known = {});
  // Runs the code of a library, in an interpreter of its own, until `deadline_ms` of the steady clock. Null with the
  // error for the client.
  SharedLibrary Run(size_t slot, SharedCode code, int64_t deadline_ms, std::string& error);

  const Options& options_;
  storage::Store& store_;
  Log& log_;
  const storage::Clock& clock_;
  ScriptClock& script_clock_;
  LuaMemory& memory_;
  storage::Mutex mutex_;
  std::shared_ptr<const FunctionCatalog> catalog_ GUARDED_BY(mutex_) = std::make_shared<const FunctionCatalog>();
};

}  // namespace ringkv::server
