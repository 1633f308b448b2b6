// SPDX-License-Identifier: MIT
// What subscribers to keyspace notifications would be told of a store.
#pragma once

#include <string>
#include <utility>

#include "storage/effects/key_event.h"
#include "storage/keyspace/key_observer.h"

namespace ringkv::test {

class HeardEvents final : public storage::KeyObserver {
 public:
  HeardEvents() { set_wants_events(true); }

  void Happened(storage::DbIndex, std::string_view key, const storage::KeyEvent& event) override {
    text_.append(text_.empty() ? "" : ", ").append(event.name).append(" ").append(key);
  }
  bool Changed(storage::DbIndex, std::string_view, storage::KeyChange) override { return false; }
  bool Replacing(storage::DbIndex, const KeyPredicate&) override { return false; }

  // As "event key" each, since the last call.
  std::string Take() { return std::exchange(text_, {}); }

 private:
  std::string text_;
};

}  // namespace ringkv::test
