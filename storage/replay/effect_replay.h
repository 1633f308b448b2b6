// SPDX-License-Identifier: MIT
// Applies logged effects to a store that was, or is being, loaded from a snapshot, without those that its blocks
// contain already. A group is applied atomically.
//
// Threads: confined.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "storage/effects/effect_codec.h"
#include "storage/snapshot/snapshot_loader.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

class EffectReplay {
 public:
  // Both must outlive the object.
  EffectReplay(Store& store, const RunMap& runs, UnixMs now);

  // For a follower, whose clients may have changed what the effects refer to: what is missing for an effect is no
  // error. And each group is recorded, as it came, and subscribers are told of it.
  void set_follows(bool follows) {
    follows_ = follows;
    txn_.set_is_silent(!follows);
  }
  void set_now(UnixMs now) { txn_.set_now(now); }

  // Applies a group. False if it has invalid effects: then none of it was applied, unless `follows` is off.
  bool Apply(Lsn lsn, std::string_view effects) { return Apply(lsn, effects, std::nullopt); }
  // Applies several groups, numbered from `first` on, with prefetching across groups. Returns the number of groups
  // applied before an invalid one.
  size_t Apply(Lsn first, std::span<const std::string_view> groups);

 private:
  static constexpr size_t kAtOnce = 32;  // as for requests of a client

  // `position`: of the first key, if known.
  bool Apply(Lsn lsn, std::string_view effects, std::optional<Position> position);
  void ApplyPrefetched(Lsn first, std::span<const std::string_view> groups, size_t* applied);
  bool Decode(std::string_view effects);
  void LockFor(Lsn lsn, std::optional<Position> position);
  bool ApplyAll(Lsn lsn);
  bool ApplyOne(Lsn lsn, const EffectRecord& record);
  void Flush(Lsn lsn, DbIndex db);
  void Swap(Lsn lsn, DbIndex a, DbIndex b);
  // The keys of the database that the effect changes.
  std::vector<std::string> KeysBefore(Lsn lsn, DbIndex db);

  Store& store_;
  const RunMap& runs_;
  Random random_;
  Txn txn_;
  bool follows_ = false;
  std::vector<EffectRecord> records_;  // of the group
};

}  // namespace ringkv::storage
