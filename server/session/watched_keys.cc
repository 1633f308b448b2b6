// SPDX-License-Identifier: MIT
#include "server/session/watched_keys.h"

#include <algorithm>

namespace ringkv::server {

void WatchedKeys::Watch(WatchState& state, storage::DbIndex db, std::string_view key) {
  Key watched(db, key);
  if (std::find(state.keys.begin(), state.keys.end(), watched) != state.keys.end()) return;
  storage::MutexLock lock(mutex_);
  watchers_[watched].push_back(&state);
  watched_.fetch_add(1, std::memory_order_relaxed);
  state.bytes += 2 * (sizeof(Key) + key.size());
  state.keys.push_back(std::move(watched));
}

void WatchedKeys::UnwatchAll(WatchState& state) {
  if (!state.keys.empty()) {
    storage::MutexLock lock(mutex_);
    for (const Key& key : state.keys) {
      const auto found = watchers_.find(key);
      std::erase(found->second, &state);
      if (found->second.empty()) watchers_.erase(found);
    }
    watched_.fetch_sub(state.keys.size(), std::memory_order_relaxed);
    state.keys.clear();
    state.bytes = 0;
  }
  state.touched.store(false, std::memory_order_relaxed);
}

void WatchedKeys::Changed(storage::DbIndex db, std::string_view key) {
  if (watched_.load(std::memory_order_relaxed) == 0) return;
  storage::MutexLock lock(mutex_);
  const auto found = watchers_.find(Key(db, key));
  if (found == watchers_.end()) return;
  for (WatchState* state : found->second) state->touched.store(true, std::memory_order_relaxed);
}

void WatchedKeys::Replacing(storage::DbIndex db, const KeyPredicate& is_touched) {
  if (watched_.load(std::memory_order_relaxed) == 0) return;
  storage::MutexLock lock(mutex_);
  for (const auto& [key, states] : watchers_) {
    if (key.first != db || !is_touched(key.second)) continue;
    for (WatchState* state : states) state->touched.store(true, std::memory_order_relaxed);
  }
}

}  // namespace ringkv::server
