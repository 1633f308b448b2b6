// SPDX-License-Identifier: MIT
// The interface for observers of all changes of data, such as WATCH and blocked clients.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>

#include "storage/base/db_index.h"
#include "storage/base/key_change.h"

namespace ringkv::storage {

struct Invalidation;
struct KeyEvent;
class Txn;

class KeyObserver {
 public:
  virtual ~KeyObserver() = default;
  // Whether Happened must be called at all.
  bool wants_events() const { return wants_events_.load(std::memory_order_relaxed); }
  void set_wants_events(bool wants) { wants_events_.store(wants, std::memory_order_relaxed); }
  // The event of a change without a command; called under the lock of the key's partition, like Changed.
  virtual void Happened(DbIndex, std::string_view, const KeyEvent&) {}
  // Called under the lock of the key's partition, after the change: must be quick and must not access the store.
  // Returns whether to call Unlocked.
  virtual bool Changed(DbIndex db, std::string_view key, KeyChange change) = 0;
  // All keys of the database are deleted or replaced; `is_touched` tells whether that changes a key. Called under the
  // locks of all partitions, before the change. Returns whether to call Unlocked.
  using KeyPredicate = std::function<bool(std::string_view key)>;
  virtual bool Replacing(DbIndex db, const KeyPredicate& is_touched) = 0;
  // The transaction has released its locks after changes reported by Changed or Replacing. Called in the changing
  // thread: of a command, an expiry job, or a replica that applies its primary's changes.
  virtual void Unlocked(const Txn&) {}
  // Likewise, before that: clients keep copies of what has changed.
  virtual void Invalidated(std::shared_ptr<const Invalidation>) {}

 private:
  std::atomic<bool> wants_events_{false};
};

}  // namespace ringkv::storage
