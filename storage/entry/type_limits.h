// SPDX-License-Identifier: MIT
// Limits of packed collections; each is an option.
//
// Threads: atomic; CONFIG SET changes it while requests run.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringkv::storage {

struct TypeLimits {
  using Limit = std::atomic<int64_t>;

  Limit hash_entries{128};
  Limit hash_value{64};  // bytes
  Limit set_integers{512};
  Limit set_entries{128};
  Limit set_value{64};  // bytes
  Limit sorted_set_entries{128};
  Limit sorted_set_value{64};  // bytes
  Limit list_size{-2};         // positive: elements per chunk; negative: bytes per chunk, see ListChunkLimit
  static constexpr int64_t kListPackedBytes = int64_t{1} << 30;
  Limit list_packed_bytes{kListPackedBytes};  // elements of this size get a chunk of their own
  Limit sparse_hyperloglog_bytes{3000};
  Limit stream_block_bytes{4096};
  Limit stream_block_entries{100};  // 0: any number

  Limit list_open_ends{2};  // chunks at each end of a list that are not compressed; 0 disables compression

  uint64_t seed = 0;  // hash seed of members; set once
};

inline size_t LimitOf(const TypeLimits::Limit& limit) {
  return static_cast<size_t>(limit.load(std::memory_order_relaxed));
}

}  // namespace ringkv::storage
