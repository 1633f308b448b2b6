// SPDX-License-Identifier: MIT
// Which sessions watch which keys: told of every change, it marks those who wait to hear of it.
//
// WATCH runs under the lock of the key's partition, and so does every change, so none can slip between.
//
// Threads: guarded; `Changed` looks at an atomic first and costs next to nothing while nobody watches.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/key_observer.h"
#include "storage/mutex.h"

namespace ringkv::server {

// The session's part. Thread rule: `touched` is atomic; the list is confined to the session's thread.
struct WatchState {
  std::atomic<bool> touched{false};
  std::vector<std::pair<storage::DbIndex, std::string>> keys;
  size_t bytes = 0;  // that they take, here and in the table of all that are watched
};

class WatchedKeys {
 public:
  // `state` must be unwatched before it goes.
  void Watch(WatchState& state, storage::DbIndex db, std::string_view key);
  void UnwatchAll(WatchState& state);

  // As storage::KeyObserver says.
  using KeyPredicate = storage::KeyObserver::KeyPredicate;
  void Changed(storage::DbIndex db, std::string_view key);
  void Replacing(storage::DbIndex db, const KeyPredicate& is_touched);

 private:
  using Key = std::pair<storage::DbIndex, std::string>;

  std::atomic<size_t> watched_{0};
  storage::Mutex mutex_;
  std::map<Key, std::vector<WatchState*>, std::less<>> watchers_ GUARDED_BY(mutex_);
};

}  // namespace ringkv::server
