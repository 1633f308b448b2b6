// SPDX-License-Identifier: MIT
// Which sessions watch which keys: told of every change, it marks those who wait to hear of it.
//
// WATCH runs under the lock of the key's partition, and so does every change, so none can slip between. Watching a key,
// and no longer watching it, cost the same however many keys a session watches and however many sessions watch a key.
//
// Threads: guarded, by a lock for each part of the keys; `Changed` looks at an atomic first and costs next to nothing
// while nobody watches.
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/base/mutex.h"
#include "storage/keyspace/key_observer.h"

namespace ringkv::server {

struct WatchState;

// A key that somebody watches, with the list of those.
struct WatchedKey {
  struct Watcher {
    WatchState* state = nullptr;
    Watcher* before = nullptr;
    Watcher* after = nullptr;
  };

  storage::DbIndex db;
  std::string key;
  Watcher* first = nullptr;  // guarded by the lock of the key's part
};

// The session's part. Thread rule: `touched` is atomic; the keys are confined to the session's thread.
struct WatchState {
  std::atomic<bool> touched{false};
  std::unordered_map<WatchedKey*, WatchedKey::Watcher> keys;  // whose addresses stay
  size_t bytes = 0;                                           // about what they take
};

class WatchedKeys {
 public:
  // What watching this key adds to `bytes` at the most.
  static size_t MemoryOf(std::string_view key);

  // `state` must be unwatched before it goes.
  void Watch(WatchState& state, storage::DbIndex db, std::string_view key);
  void UnwatchAll(WatchState& state);

  // As storage::KeyObserver says.
  using KeyPredicate = storage::KeyObserver::KeyPredicate;
  void Changed(storage::DbIndex db, std::string_view key, storage::KeyChange change);
  void Replacing(storage::DbIndex db, const KeyPredicate& is_touched);

 private:
  static constexpr unsigned kPartBits = 6;
  struct Name {
    storage::DbIndex db;
    std::string_view key;
    auto operator<=>(const Name&) const = default;
  };
  struct HashOfName {
    size_t operator()(const Name& name) const { return std::hash<std::string_view>()(name.key) + name.db; }
  };
  struct Part {
    storage::Mutex mutex;
    // By names that point into the keys themselves; in order, as clients could choose names that collide.
    std::map<Name, std::unique_ptr<WatchedKey>> keys GUARDED_BY(mutex);
  };
  Part& PartOf(const Name& name) { return parts_[HashOfName()(name) >> (64 - kPartBits)]; }

  std::atomic<size_t> watched_{0};
  std::array<Part, size_t{1} << kPartBits> parts_;
};

}  // namespace ringkv::server
