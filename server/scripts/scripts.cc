// SPDX-License-Identifier: MIT
#include "server/scripts/scripts.h"

#include <algorithm>

#include "server/base/client_links.h"

namespace ringkv::server {

Scripts::Scripts(const ExecutionParts& parts, WatchedKeys& watched_keys,
                 std::span<const std::unique_ptr<ThreadState>> aside, uint64_t seed)
    : parts_(parts, watched_keys, aside.size() + 1, seed) {
  for (size_t i = 0; i < aside.size(); ++i) {
    threads_.push_back(std::make_unique<ThreadScripts>(parts_, i, aside[i].get()));
  }
  threads_.push_back(std::make_unique<ThreadScripts>(parts_, aside.size(), nullptr));
}

ThreadScripts& Scripts::Of(size_t thread) { return *threads_[SlotOf(thread)]; }

const Script* Scripts::Find(const ThreadState& thread, std::string_view sha1) { return Of(thread.index).Find(sha1); }

storage::Status Scripts::LoadLibrary(storage::Txn& txn, const std::string& code) {
  const Functions::Prepared prepared = functions().PrepareAccepted(txn, code);
  if (!prepared.error.empty()) return storage::Fail(prepared.error);
  functions().Load();  // what is there: the new one must fit beside it
  txn.LockAll();
  const std::string error = functions().Put(txn, prepared, RestorePolicy::kAppend);
  txn.Unlock();
  return error.empty() ? storage::Status() : storage::Fail(error);
}

void Scripts::Tick() {
  const uint64_t library_version = parts_.execution.data.store().libraries().version();
  const uint64_t registry_version = parts_.registry.version();
  if (library_version == library_version_ && registry_version == registry_version_) return;
  library_version_ = library_version;
  registry_version_ = registry_version;
  for (size_t thread = 0; thread + 1 < threads_.size(); ++thread) {
    parts_.execution.links.RunOn(thread, [this, thread] { Of(thread).DropStale(); });
  }
}

std::string_view Scripts::Kill(bool functions) {
  const std::string_view error = parts_.long_runs.Kill(functions);
  if (error.empty()) parts_.execution.links.ResumePaused();  // those that wait for locks end too
  return error;
}

void Scripts::KillAll() {
  parts_.long_runs.KillAll();
  parts_.execution.links.ResumePaused();
}

}  // namespace ringkv::server
