// SPDX-License-Identifier: MIT
// Forwards each change of a key to all observers.
#pragma once

#include <memory>

#include "server/blocking/waiting_clients.h"
#include "server/pubsub/key_events.h"
#include "server/session/watched_keys.h"
#include "server/tracking/tracking.h"

namespace ringkv::server {

class KeyChanges final : public storage::KeyObserver {
 public:
  // All references must outlive the object.
  KeyChanges(WatchedKeys& watched, WaitingClients& waiting, KeyEvents& events, Tracking& tracking)
      : watched_(watched), waiting_(waiting), events_(events), tracking_(tracking) {}

  void SetEventMask(const EventMask& mask) {
    events_.SetMask(mask);
    set_wants_events(events_.is_on());
  }

  void Happened(storage::DbIndex db, std::string_view key, const storage::KeyEvent& event) override {
    events_.Tell(db, key, event, kNoThread);
  }

  bool Changed(storage::DbIndex db, std::string_view key, storage::KeyChange change) override {
    watched_.Changed(db, key, change);
    // As in Redis, XGROUP SETID wakes no client: they wait for entries of a stream, or for the end of their group.
    const bool may_serve = change == storage::KeyChange::kValue || change == storage::KeyChange::kStreamGroupGone;
    return may_serve && waiting_.NoteChange(db, key);
  }
  bool Replacing(storage::DbIndex db, const KeyPredicate& is_touched) override {
    watched_.Replacing(db, is_touched);
    return waiting_.NoteChangeOfAll(db);
  }
  void Unlocked(const storage::Txn& txn) override { waiting_.ServeReady(&txn); }
  void Invalidated(std::shared_ptr<const storage::Invalidation> invalidation) override { tracking_.Tell(invalidation); }

 private:
  WatchedKeys& watched_;
  WaitingClients& waiting_;
  KeyEvents& events_;
  Tracking& tracking_;
};

}  // namespace ringkv::server
