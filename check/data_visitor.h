// SPDX-License-Identifier: MIT
// Whoever wants to see what the files hold: a dump, a count. This one looks away.
#pragma once

#include "storage/base/lsn.h"
#include "storage/effects/effect_codec.h"
#include "storage/snapshot/snapshot_format.h"

namespace ringkv::check {

// Texts are valid during the call only.
class DataVisitor {
 public:
  virtual ~DataVisitor() = default;
  // A key as a snapshot or a store holds it.
  virtual void Key(const storage::BlockEntry& /*key*/) {}
  // A group of the log: its effects come between the two calls.
  virtual void BeginGroup(storage::Lsn /*lsn*/, storage::UnixMs /*time*/, size_t /*effects*/) {}
  virtual void Effect(const storage::EffectRecord& /*record*/) {}
  virtual void EndGroup() {}
};

}  // namespace ringkv::check
