// SPDX-License-Identifier: MIT
#include "server/session/watched_keys.h"

namespace ringkv::server {

size_t WatchedKeys::MemoryOf(std::string_view key) {
  constexpr size_t kNode = 48;  // of a table, with its place among the buckets
  return sizeof(WatchedKey) + sizeof(WatchedKey::Watcher) + 2 * kNode + key.size();
}

void WatchedKeys::Watch(WatchState& state, storage::DbIndex db, std::string_view key) {
  Part& part = PartOf({db, key});
  storage::MutexLock lock(part.mutex);
  auto found = part.keys.find({db, key});
  if (found == part.keys.end()) {
    auto watched = std::make_unique<WatchedKey>(WatchedKey{.db = db, .key = std::string(key)});
    const Name name{db, watched->key};
    found = part.keys.emplace(name, std::move(watched)).first;
  }
  WatchedKey& watched = *found->second;
  const auto [entry, is_new] = state.keys.try_emplace(&watched);
  if (!is_new) return;
  WatchedKey::Watcher& watcher = entry->second;
  watcher = {.state = &state, .before = nullptr, .after = watched.first};
  if (watched.first != nullptr) watched.first->before = &watcher;
  watched.first = &watcher;
  state.bytes += MemoryOf(key);
  watched_.fetch_add(1, std::memory_order_relaxed);
}

void WatchedKeys::UnwatchAll(WatchState& state) {
  for (auto& [watched, watcher] : state.keys) {
    const Name name{watched->db, watched->key};
    Part& part = PartOf(name);
    storage::MutexLock lock(part.mutex);
    if (watcher.after != nullptr) watcher.after->before = watcher.before;
    (watcher.before != nullptr ? watcher.before->after : watched->first) = watcher.after;
    if (watched->first == nullptr) part.keys.erase(part.keys.find(name));
  }
  watched_.fetch_sub(state.keys.size(), std::memory_order_relaxed);
  state.keys = {};
  state.bytes = 0;
  state.touched.store(false, std::memory_order_relaxed);
}

void WatchedKeys::Changed(storage::DbIndex db, std::string_view key, storage::KeyChange change) {
  // As in Redis, what a stream keeps beside its entries is no change.
  const bool is_change = change == storage::KeyChange::kValue || change == storage::KeyChange::kStreamEntriesGone;
  if (!is_change || watched_.load(std::memory_order_relaxed) == 0) return;
  Part& part = PartOf({db, key});
  storage::MutexLock lock(part.mutex);
  const auto found = part.keys.find({db, key});
  if (found == part.keys.end()) return;
  for (const WatchedKey::Watcher* watcher = found->second->first; watcher != nullptr; watcher = watcher->after) {
    watcher->state->touched.store(true, std::memory_order_relaxed);
  }
}

void WatchedKeys::Replacing(storage::DbIndex db, const KeyPredicate& is_touched) {
  if (watched_.load(std::memory_order_relaxed) == 0) return;
  for (Part& part : parts_) {
    storage::MutexLock lock(part.mutex);
    for (const auto& [name, watched] : part.keys) {
      if (name.db != db || !is_touched(name.key)) continue;
      for (const WatchedKey::Watcher* watcher = watched->first; watcher != nullptr; watcher = watcher->after) {
        watcher->state->touched.store(true, std::memory_order_relaxed);
      }
    }
  }
}

}  // namespace ringkv::server
