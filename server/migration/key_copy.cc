// SPDX-License-Identifier: MIT
#include "server/migration/key_copy.h"

#include "storage/types/collection.h"

namespace ringkv::server {

std::optional<KeyCopy> CopyOfKey(storage::Txn& txn, storage::DbIndex db, const std::string& key) {
  const storage::Place place = txn.Find(db, key, storage::Intent::kCheck);
  if (!place) return std::nullopt;
  std::string buffer;
  const std::string_view packed = storage::PackedValue(place.entry(), &buffer);
  return KeyCopy{key, storage::PackedKind(place.entry()), std::string(packed), place.entry().expiry()};
}

std::optional<KeyCopy> FencedKeys::Next() {
  while (next_ < keys_.size()) {
    const std::string& key = keys_[next_++];
    txn_.set_now(clock_.Now());
    txn_.LockKey(key);
    std::optional<KeyCopy> copy = CopyOfKey(txn_, db_, key);
    txn_.Unlock();
    if (copy) return copy;
  }
  return std::nullopt;
}

}  // namespace ringkv::server
