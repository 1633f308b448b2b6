// SPDX-License-Identifier: MIT
// Applies logged effects to a store that was loaded from a snapshot, leaving out what its blocks hold already.
//
// Threads: confined; nobody else uses the store.
#pragma once

#include <string_view>

#include "storage/effect_codec.h"
#include "storage/snapshot/snapshot_loader.h"
#include "storage/txn.h"

namespace ringkv::storage {

class EffectReplay {
 public:
  EffectReplay(Store& store, const RunMap& runs, UnixMs now);

  // Applies a group. False if it is not made of effects that make sense here.
  bool Apply(Lsn lsn, std::string_view effects);

 private:
  bool IsInBlock(Lsn lsn, std::string_view key) const;
  bool ApplyOne(Lsn lsn, const EffectRecord& record);
  void Flush(Lsn lsn, DbIndex db);
  void Swap(Lsn lsn, DbIndex a, DbIndex b);
  // The keys of the database that the effect has to touch.
  std::vector<std::string> KeysBefore(Lsn lsn, DbIndex db);

  Store& store_;
  const RunMap& runs_;
  Random random_;
  Txn txn_;
};

}  // namespace ringkv::storage
