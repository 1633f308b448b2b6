// SPDX-License-Identifier: MIT
// Copies the keyspace out, block by block, while everybody goes on: one stretch of the hash order after the other, each
// under its partition's lock with the LSN of that moment (a run).
//
// Threads: NextBlock by many, each with its own cursor; together they copy every stretch once.
#pragma once

#include <atomic>
#include <string>

#include "storage/snapshot/block_codec.h"
#include "storage/snapshot/snapshot_format.h"
#include "storage/store.h"

namespace ringkv::storage {

class BlockSource {
 public:
  // `store` must outlive the source.
  explicit BlockSource(Store& store) : store_(store) {}

  // Where a thread is with its share, and its block; only the source changes it.
  struct Cursor {
    explicit Cursor(int compression_level) : compressor(compression_level) {}
    // Compresses the block where that helps. `body` is valid until the next block; the section wants its number only.
    Section Seal(std::string_view* body);
    // Gives back what an unusually large block has left behind.
    void Shrink();

    BlockCompressor compressor;
    size_t partition = 0;
    uint64_t at = uint64_t{1} << 32;  // the end of a partition: the next one is begun
    uint32_t keys = 0;
    std::string raw;
    std::string compressed;
  };

  // Copies the next block out into the cursor. False when all has been copied or is being copied by others.
  bool NextBlock(Cursor& cursor);
  // Between 0 and 1.
  double progress() const;

 private:
  // Where to end what is copied from `at` on.
  static uint64_t StretchEnd(const Partition& partition, uint64_t at) REQUIRES(partition.mutex);
  // Copies the stretch at `at` out, and returns where it ends.
  uint64_t CopyStretch(size_t partition, uint64_t at, std::string* raw, uint32_t* keys);

  Store& store_;
  std::atomic<size_t> next_partition_{0};
};

}  // namespace ringkv::storage
