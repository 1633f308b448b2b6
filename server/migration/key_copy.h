// SPDX-License-Identifier: MIT
// Keys of a MIGRATE, each as it is at one moment.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/random.h"
#include "storage/entry/entry.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

struct KeyCopy {
  std::string key;
  storage::ValueKind kind;
  std::string packed;
  storage::UnixMs expiry;
};

// The transaction has locked the key. Nothing if it doesn't exist.
std::optional<KeyCopy> CopyOfKey(storage::Txn& txn, storage::DbIndex db, const std::string& key);

// The copies that are to be sent.
class KeyCopies {
 public:
  virtual ~KeyCopies() = default;
  // The next one; nothing at the end.
  virtual std::optional<KeyCopy> Next() = 0;
};

// Of keys that are fenced. Each is locked while it is copied.
class FencedKeys final : public KeyCopies {
 public:
  // All references must outlive the object.
  FencedKeys(storage::Store& store, const storage::Clock& clock, storage::DbIndex db,
             const std::vector<std::string>& keys)
      : clock_(clock), db_(db), keys_(keys), random_(1), txn_(store, clock.Now(), random_) {}

  std::optional<KeyCopy> Next() override;

 private:
  const storage::Clock& clock_;
  const storage::DbIndex db_;
  const std::vector<std::string>& keys_;
  size_t next_ = 0;
  storage::Random random_;
  storage::Txn txn_;
};

}  // namespace ringkv::server
