// SPDX-License-Identifier: MIT
// Imports slots of another store (storage/transfer/slot_stream.h): their keys and changes become changes of this store,
// recorded as its own. Also erases the keys of slots that this store does not own.
//
// Threads: confined. The slots are foreign meanwhile (Txn::SetForeignSlots), so no other code touches their keys,
// except a flush of the whole store (Store::flushes).
#pragma once

#include <string_view>
#include <vector>

#include "storage/snapshot/block_codec.h"
#include "storage/snapshot/snapshot_format.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

// Erases the keys of slots, in steps.
class SlotEraser {
 public:
  // `store` must outlive the eraser.
  SlotEraser(Store& store, std::vector<PositionRange> ranges);

  // Erases some keys. False when none are left, or the store follows another now, which erases them itself.
  bool Step();
  // Erases only keys whose position in another placement is in the range.
  void Only(const Placement& placement, const PositionRange& range);
  uint64_t erased() const { return erased_; }

 private:
  // False if the store follows another.
  bool EraseKeys();

  Store& store_;
  Random random_;
  Txn txn_;
  const std::vector<PositionRange> ranges_;
  size_t at_ = 0;  // index of the current range
  uint64_t cursor_ = 0;
  Placement filter_placement_;
  PositionRange filter_{0, kPositions};
  bool is_filtered_ = false;
  std::vector<std::string> keys_;
  uint64_t erased_ = 0;
};

class SlotArrival {
 public:
  // `store` must outlive the arrival. The ranges are whole slots without keys; `source`: the other store's placement.
  SlotArrival(Store& store, std::vector<PositionRange> ranges, const Placement& source);

  // Both fail if the store follows another.
  Status TakeSection(std::string_view bytes);
  Status TakeChanges(std::string_view bytes);
  uint64_t keys() const { return keys_; }

 private:
  Status TakeBlock(const Section& section, std::string_view body);
  Status TakeRun(ByteReader& reader);
  Status TakeGroup(std::string_view effects);
  bool IsExpected(std::string_view key) const;

  Store& store_;
  const std::vector<PositionRange> ranges_;
  const Placement source_;
  Random random_;
  Txn txn_;
  BlockDecompressor decompressor_;
  std::vector<BlockEntry> entries_;
  uint64_t sections_ = 0;
  uint64_t keys_ = 0;
};

}  // namespace ringkv::storage
