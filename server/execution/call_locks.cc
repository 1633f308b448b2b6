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

MoreLocks LockForCall(const CommandEntry& entry, std::span<const std::string_view> argv, storage::Txn& txn) {
  const Command& row = *entry.row;
  const std::string_view only_key = entry.has_one_key ? argv[static_cast<size_t>(row.keys.first)] : std::string_view();
  const bool locks_only_key = entry.has_one_key && !txn.holds_all();
  const MoreLocks locked = locks_only_key ? txn.LockMore(only_key) : LockData(row, argv, txn);
  if (locked != MoreLocks::kLocked || !row.Is(kWrite)) return locked;
  txn.BeginChanges();
  bool may_change = true;
  if (entry.has_one_key) {
    may_change = txn.MayChange(only_key);
  } else {
    ForEachKey(row, argv, [&](std::string_view key) { may_change = may_change && txn.MayChange(key); });
  }
  return may_change ? MoreLocks::kLocked : MoreLocks::kMustRestart;
}

}  // namespace ringkv::server
