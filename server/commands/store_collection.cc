// SPDX-License-Identifier: MIT
#include "server/commands/store_collection.h"

#include "storage/effects/key_event.h"

namespace ringkv::server {

namespace events = storage::events;

void StoreCollection(DataCall& call, std::string_view key, storage::ValueKind kind, std::string_view packed,
                     size_t elements, const storage::KeyEvent& event) {
  // With nothing to store, one that has expired is deleted like another one.
  storage::Place target = call.txn.Find(call.db, key, elements > 0 ? storage::Intent::kCheck : storage::Intent::kErase);
  if (elements > 0) {
    call.txn.Do(target, storage::CollectionPut{kind, packed}, event);
  } else if (target) {
    call.txn.Do(target, storage::Erase{}, events::kDel);
  }
  call.reply.Integer(static_cast<int64_t>(elements));
}

}  // namespace ringkv::server
