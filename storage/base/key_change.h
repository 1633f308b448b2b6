// SPDX-License-Identifier: MIT
// The part of a key that a change affects, as observers are told.
#pragma once

#include <cstdint>

namespace ringkv::storage {

// WATCH ignores the state of a stream, as in Redis. Clients blocked on a stream wait for entries or their group's end.
enum class KeyChange : uint8_t {
  kValue,
  kStreamState,  // IDs, groups and consumers
  kStreamGroupGone,
  kStreamEntriesGone,
};

}  // namespace ringkv::storage
