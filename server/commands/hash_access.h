// SPDX-License-Identifier: MIT
// How commands look at hashes, of which fields may have expired.
#pragma once

#include <optional>
#include <string_view>

#include "server/command/command.h"
#include "server/command/typed_key.h"
#include "storage/effects/key_event.h"
#include "storage/types/hash.h"

namespace ringkv::server {

// The key at the first argument.
inline std::optional<storage::Place> FindHash(DataCall& call, storage::Intent intent) {
  return FindTyped(call, storage::ValueType::kHash, call.args[1], intent);
}

// Without the fields that have expired: reads leave those to active expiry.
inline storage::HashView Shown(const DataCall& call, const storage::Place& place) {
  return storage::HashView(place.entry_or_null(), call.txn.hides_fields_until());
}

// Before a write that depends on the field: erases it if it has expired, which may end the hash.
inline void EraseIfExpired(DataCall& call, storage::Place& place, std::string_view field) {
  if (!call.txn.store().MayExpire() || !place || !place.entry().has_field_expiry()) return;
  const auto found = storage::HashView(&place.entry()).FindField(field);
  if (!found || !call.txn.HasPassed(found->expiry)) return;
  call.txn.Do(place, storage::HashFieldExpire{field}, storage::events::kHExpired);
}

}  // namespace ringkv::server
