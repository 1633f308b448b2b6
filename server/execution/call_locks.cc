// SPDX-License-Identifier: MIT
#include "server/execution/call_locks.h"

#include "server/command/key_positions.h"

namespace ringkv::server {
namespace {

using storage::MoreLocks;

MoreLocks LockData(const Command& row, std::span<const std::string_view> argv, storage::Txn& txn) {
  if (txn.holds_all()) return MoreLocks::kLocked;
  if (row.scope != Scope::kNothing || row.NeedsEverything(argv)) return txn.LockRest();
  MoreLocks result = MoreLocks::kLocked;
  ForEachKey(row, argv, [&](std::string_view key) {
    if (result == MoreLocks::kLocked) result = txn.LockMore(key);
  });
  return result;
}

}  // namespace

MoreLocks LockForCall(const Command& row, std::span<const std::string_view> argv, storage::Txn& txn) {
  const MoreLocks locked = LockData(row, argv, txn);
  if (locked != MoreLocks::kLocked || !row.Is(kWrite)) return locked;
  txn.BeginChanges();
  bool may_change = true;
  ForEachKey(row, argv, [&](std::string_view key) { may_change = may_change && txn.MayChange(key); });
  return may_change ? MoreLocks::kLocked : MoreLocks::kMustRestart;
}

}  // namespace ringkv::server
