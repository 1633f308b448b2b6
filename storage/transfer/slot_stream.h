// SPDX-License-Identifier: MIT
// Streams some slots of a store to their next owner: the keys block by block while writes continue, and the logged
// changes of keys that were copied. The receiver is a SlotArrival (storage/transfer/slot_arrival.h).
//
// As with SnapshotStream, all frames up to the copy of a block must be filtered before it is sent: changes of keys
// that were not copied yet will be in their block.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/snapshot/block_source.h"

namespace ringkv::storage {

class SlotStream {
 public:
  // `store` must outlive the stream. The ranges are whole slots, ascending.
  SlotStream(Store& store, const std::vector<PositionRange>& ranges, int compression_level,
             size_t block_bytes = BlockSource::kBlockBytes)
      : store_(store), blocks_(store, ranges, block_bytes), cursor_(compression_level) {}

  // The next block as a section. False when all keys have been copied.
  bool NextBlock(std::string* section);
  // Appends the changes of a frame to keys that were copied (see SlotArrival::TakeChanges). False if the frame is
  // invalid, or has an effect that cannot be restricted to slots.
  bool Filter(std::string_view frame, std::string* changes);
  uint64_t keys() const { return keys_; }

 private:
  bool FilterGroup(Lsn lsn, std::string_view effects, std::string* changes);
  // The LSN at which the position was copied; none if it was not, or is of another slot.
  std::optional<Lsn> CopiedAt(Position position) const;

  Store& store_;
  BlockSource blocks_;
  BlockSource::Cursor cursor_;
  std::vector<BlockRun> copied_;  // ascending
  std::string group_;             // the effects of a group on these slots
  uint64_t sections_ = 0;
  uint64_t keys_ = 0;
};

// The items of a stream of changes.
enum class SlotChange : uint8_t {
  kGroup = 1,  // effects of one group, as a text
  kErase = 2,  // deletes all keys at these positions: first, end
};

}  // namespace ringkv::storage
