// SPDX-License-Identifier: MIT
// What a command that runs others and holds their locks (EXEC, EVAL) has for all of them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "server/execution/turns.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {

struct ClusterView;

struct Enclosing {
  std::vector<std::function<void()>> after_unlock;    // work deferred by these commands
  std::vector<std::function<void()>> administration;  // likewise, for Administration
  // Takes the keyspace events of these commands, which are told when it ends; null: each is told when its command ends.
  storage::KeyEventList* events = nullptr;
  bool may_begin_again = false;   // of a script: what they do may be undone; what can't be is deferred
  bool is_out_of_memory = false;  // maxmemory was exceeded when the enclosing command was admitted
  std::shared_ptr<const ClusterView> cluster_view = {};  // that the enclosing command was routed by
  Turns* turns = nullptr;                                // null: these commands can't be suspended
  bool has_looked = false;  // the command that takes too long to run here had found its keys, and counted that
  // Of a script: what the deferred work keeps in memory, and whether it may keep more.
  size_t deferred_bytes = 0;
  bool may_defer_bytes = true;

  static constexpr size_t kMostKept = 1024;
  void ForgetDeferred() {
    after_unlock.clear();
    if (after_unlock.capacity() > kMostKept) std::vector<std::function<void()>>().swap(after_unlock);
    deferred_bytes = 0;
    may_defer_bytes = true;
  }
};

}  // namespace ringkv::server
