// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace ringkv::storage {

// The part of a key that a change affects. Observers need it: WATCH ignores the state of a stream, as in Redis, and
// clients that block on a stream wait for entries or for the end of their group.
enum class KeyChange : uint8_t {
  kValue,
  kStreamState,  // IDs, groups and consumers
  kStreamGroupGone,
  kStreamEntriesGone,
};

}  // namespace ringkv::storage
