// SPDX-License-Identifier: MIT
// Copies the keyspace out, block by block, while everybody goes on: one stretch of the hash order after the other, each
// under its partition's lock with the LSN of that moment (a run).
//
// Threads: NextBlock by many, each with its own cursor; together they copy every stretch once.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "storage/keyspace/store.h"
#include "storage/snapshot/block_codec.h"
#include "storage/snapshot/snapshot_format.h"

namespace ringkv::storage {

class BlockSource {
 public:
  // `store` must outlive the source.
  explicit BlockSource(Store& store) : BlockSource(store, {{0, kPositions}}) {}
  // Of the ranges alone, which are ascending and don't overlap.
  BlockSource(Store& store, const std::vector<PositionRange>& ranges);

  // Where a thread is with its share, and its block; only the source changes it.
  struct Cursor {
    explicit Cursor(int compression_level) : compressor(compression_level) {}
    // Compresses the block where that helps. `body` is valid until the next block; the section wants its number only.
    Section Seal(std::string_view* body);
    // Gives back what an unusually large block has left behind.
    void Shrink();

    BlockCompressor compressor;
    PositionRange left;  // of its share, which lies in one partition
    uint32_t keys = 0;
    std::vector<BlockRun> runs;  // of the block
    FoldedBytes raw;
    std::string unfolded;
    std::string compressed;
  };

  // Copies the next block out into the cursor. False when all has been copied or is being copied by others.
  bool NextBlock(Cursor& cursor);
  // Between 0 and 1.
  double progress() const;

 private:
  // Where to end what is copied from `at` on.
  uint64_t StretchEnd(const Partition& partition, uint64_t at) const REQUIRES(partition.mutex);
  // Copies out what stands at the beginning of what is left.
  void CopyStretch(Cursor& cursor);

  Store& store_;
  std::vector<PositionRange> shares_;  // each in one partition
  std::atomic<size_t> next_share_{0};
};

}  // namespace ringkv::storage
