// SPDX-License-Identifier: MIT
// The keys that sessions watch. It observes every change and marks the sessions that watch the key.
//
// WATCH runs under the lock of the key's partition, like every change, so no change is missed. Watching and unwatching
// a key take constant time for any number of watched keys and sessions.
//
// Threads: guarded, by one lock per part of the keys; `Changed` checks an atomic first, so it costs almost nothing
// without watched keys.
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/base/mutex.h"
#include "storage/base/random.h"
#include "storage/base/seeded_hash.h"
#include "storage/keyspace/key_observer.h"

namespace ringkv::server {

struct WatchState;

// A watched key with the list of its watchers.
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

// The session's state. Thread rule: `touched` is atomic; the keys are confined to the session's thread.
struct WatchState {
  std::atomic<bool> touched{false};
  std::unordered_map<WatchedKey*, WatchedKey::Watcher> keys;  // stable addresses
  size_t bytes = 0;                                           // approximate size of the watched keys
};

class WatchedKeys {
 public:
  // `hash`: for keys, which clients choose.
  explicit WatchedKeys(storage::SeededHash hash) : hash_(hash) {}

  // The maximum that watching this key adds to `bytes`.
  static size_t MemoryOf(std::string_view key);

  // `state` must be unwatched before it is destroyed.
  void Watch(WatchState& state, storage::DbIndex db, std::string_view key);
  void UnwatchAll(WatchState& state);

  // See storage::KeyObserver.
  using KeyPredicate = storage::KeyObserver::KeyPredicate;
  void Changed(storage::DbIndex db, std::string_view key, storage::KeyChange change);
  void Replacing(storage::DbIndex db, const KeyPredicate& is_touched);

 private:
  static constexpr unsigned kPartBits = 6;
  struct Name {
    storage::DbIndex db;
    std::string_view key;
    auto operator<=>(const Name&) const = default;  // NOLINT(modernize-use-nullptr): generated code
  };
  struct Part {
    storage::Mutex mutex;
    // Names point into the keys themselves.
    std::map<Name, std::unique_ptr<WatchedKey>> keys GUARDED_BY(mutex);
  };
  Part& PartOf(const Name& name) { return parts_[(hash_(name.key) + name.db) >> (64 - kPartBits)]; }

  const storage::SeededHash hash_;
  std::atomic<size_t> watched_{0};
  std::array<Part, size_t{1} << kPartBits> parts_;
};

}  // namespace ringkv::server
