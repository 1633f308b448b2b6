// SPDX-License-Identifier: MIT
// Told of every change of the data, whoever made it: WATCH hangs here, and whatever else must know.
#pragma once

#include <atomic>
#include <functional>
#include <string_view>

#include "storage/base/db_index.h"
#include "storage/base/key_change.h"

namespace ringkv::storage {

struct KeyEvent;
class Txn;

class KeyObserver {
 public:
  virtual ~KeyObserver() = default;
  // Whether Happened need be called at all.
  bool wants_events() const { return wants_events_.load(std::memory_order_relaxed); }
  void set_wants_events(bool wants) { wants_events_.store(wants, std::memory_order_relaxed); }
  // What a change was that no command has made; under the lock of the key's partition, like Changed.
  virtual void Happened(DbIndex, std::string_view, const KeyEvent&) {}
  // Called under the lock of the key's partition, after the change: must be quick and must not touch the store. True:
  // Unlocked is to be called.
  virtual bool Changed(DbIndex db, std::string_view key, KeyChange change) = 0;
  // All keys of the database go, or others take their place; `is_touched` tells for a key whether that changes it.
  // Called under the locks of all partitions, before the change. True: Unlocked is to be called.
  using KeyPredicate = std::function<bool(std::string_view key)>;
  virtual bool Replacing(DbIndex db, const KeyPredicate& is_touched) = 0;
  // The transaction has let go of its locks, and changed what Changed or Replacing was told of. Whoever changes the
  // data calls it, in its own thread: a command, an expiry job, a replica that applies what its primary has done.
  virtual void Unlocked(const Txn&) {}

 private:
  std::atomic<bool> wants_events_{false};
};

}  // namespace ringkv::storage
