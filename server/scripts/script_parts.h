// SPDX-License-Identifier: MIT
// What the scripts of all threads share.
#pragma once

#include <atomic>

#include "server/execution/execution_parts.h"
#include "server/lua/lua_memory.h"
#include "server/lua/lua_state.h"
#include "server/scripts/functions.h"
#include "server/scripts/long_runs.h"
#include "server/scripts/script_clock.h"
#include "server/scripts/script_registry.h"
#include "server/session/watched_keys.h"
#include "storage/base/seeded_hash.h"

namespace ringkv::server {

struct ScriptParts {
  // `threads`: how many run scripts, not counting those beside them. `seed`: of hash tables. The others must outlive
  // the object.
  ScriptParts(const ExecutionParts& execution_in, WatchedKeys& watched_keys_in, size_t threads_in, uint64_t seed)
      : execution(execution_in),
        watched_keys(watched_keys_in),
        hash(seed),
        registry(hash),
        threads(threads_in),
        clock(execution_in.ticks, 2 * threads + 1),
        functions(execution_in.options, execution_in.data.store(), execution_in.log, execution_in.clock, clock, threads,
                  MemoryOf(LuaState::Purpose::kFunctions), execution_in.administration, execution_in.links) {}

  const ExecutionParts& execution;
  WatchedKeys& watched_keys;
  const storage::SeededHash hash;  // of the names of scripts
  ScriptRegistry registry;
  const size_t threads;
  ScriptClock clock;
  LongRuns long_runs;
  LuaMemory memory[2];  // of the Lua states, by their purpose
  Functions functions;
  std::atomic<bool> disables_deny{false};  // DEBUG SET-DISABLE-DENY-SCRIPTS
  std::atomic<bool> has_stuck{false};      // some run could not be undone when its thread ended

  // In the clock, of the thread beside this one.
  size_t SlotAside(size_t thread) const { return threads + 1 + thread; }
  LuaMemory& MemoryOf(LuaState::Purpose purpose) { return memory[static_cast<size_t>(purpose)]; }
};

}  // namespace ringkv::server
