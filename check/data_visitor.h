// SPDX-License-Identifier: MIT
// Receives the content of data files, for a dump or a count. This base class ignores all of it.
#pragma once

#include "storage/base/lsn.h"
#include "storage/effects/effect_codec.h"
#include "storage/snapshot/snapshot_format.h"

namespace ringkv::check {

// String views are valid during the call only.
class DataVisitor {
 public:
  virtual ~DataVisitor() = default;
  // A library of functions of a snapshot or a store. They come before the keys.
  virtual void Library(std::string_view /*name*/, std::string_view /*code*/) {}
  // The ledger of slots, likewise.
  virtual void Ledger(std::string_view /*text*/) {}
  // A key of a snapshot or a store.
  virtual void Key(const storage::BlockEntry& /*key*/) {}
  // A group of the log; its effects are passed between the two calls.
  virtual void BeginGroup(storage::Lsn /*lsn*/, storage::UnixMs /*time*/, size_t /*effects*/) {}
  virtual void Effect(const storage::EffectRecord& /*record*/) {}
  virtual void EndGroup() {}
};

}  // namespace ringkv::check
