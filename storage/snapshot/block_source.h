// SPDX-License-Identifier: MIT
// Copies the keyspace block by block while requests are served: one stretch of the hash order after the other, each
// under its partition's lock and with the LSN of that moment (a run).
//
// Threads: NextBlock from several threads, each with its own cursor; together they copy every stretch once.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/buffer_memory.h"
#include "storage/keyspace/store.h"
#include "storage/snapshot/block_codec.h"
#include "storage/snapshot/snapshot_format.h"

namespace ringkv::storage {

class BlockSource {
 public:
  // `store` must outlive the source.
  // Blocks are closed when they have so many bytes: enough for zstd to find what repeats, and copied and compressed
  // within a fraction of a millisecond, for which threads of clients may have to wait for a processor.
  static constexpr size_t kBlockBytes = 64 * 1024;

  explicit BlockSource(Store& store, size_t block_bytes = kBlockBytes)
      : BlockSource(store, {{0, kPositions}}, block_bytes) {}
  // Copies only these ranges, which are ascending and disjoint.
  BlockSource(Store& store, const std::vector<PositionRange>& ranges, size_t block_bytes = kBlockBytes);

  // A thread's position in its share, and its current block; only the source changes it.
  struct Cursor {
    explicit Cursor(int compression_level) : compressor(compression_level) {}
    // Compresses the block if that makes it smaller. `body` is valid until the next block; the caller sets the
    // section's number.
    Section Seal(std::string_view* body);
    // Frees memory that an unusually large block left allocated.
    void Shrink();
    size_t HeldBytes() const { return raw.capacity() + compressed.capacity() + unfolded.capacity(); }

    BlockCompressor compressor;
    PositionRange left;  // of its share, which lies in one partition
    uint32_t keys = 0;
    std::vector<BlockRun> runs;  // of the block
    FoldedBytes raw;
    std::string unfolded;
    std::string compressed;
    std::optional<BufferMemory::Share> memory;  // what these hold, or will soon; since the first block
  };

  // Copies the next block into the cursor. False when all stretches are copied or taken by other threads.
  bool NextBlock(Cursor& cursor);
  // Progress between 0 and 1.
  double progress() const;

 private:
  // The end of the stretch that begins at `at`.
  uint64_t StretchEnd(const Partition& partition, uint64_t at) const REQUIRES(partition.mutex);
  // Copies the next stretch.
  void CopyStretch(Cursor& cursor);

  Store& store_;
  const size_t block_bytes_;
  std::vector<PositionRange> shares_;  // each in one partition
  std::atomic<size_t> next_share_{0};
};

}  // namespace ringkv::storage
