// SPDX-License-Identifier: MIT
// Hands each change of a key to all who are to know of it.
#pragma once

#include "server/blocking/waiting_clients.h"
#include "server/session/watched_keys.h"

namespace ringkv::server {

class KeyChanges final : public storage::KeyObserver {
 public:
  // Both must outlive it.
  KeyChanges(WatchedKeys& watched, WaitingClients& waiting) : watched_(watched), waiting_(waiting) {}

  void Changed(storage::DbIndex db, std::string_view key) override {
    watched_.Changed(db, key);
    waiting_.NoteChange(db, key);
  }
  void Replacing(storage::DbIndex db, const KeyPredicate& is_touched) override {
    watched_.Replacing(db, is_touched);
    waiting_.NoteChangeOfAll(db);
  }

 private:
  WatchedKeys& watched_;
  WaitingClients& waiting_;
};

}  // namespace ringkv::server
