// SPDX-License-Identifier: MIT
// Loads the blocks of a snapshot, its libraries of functions and its ledger of slots, into an empty store, with
// several threads.
#pragma once

#include <cstdint>
#include <functional>

#include "storage/keyspace/store.h"
#include "storage/snapshot/run_map.h"
#include "storage/snapshot/snapshot_reader.h"

namespace ringkv::storage {

// `progress` is called periodically in the calling thread, with the share that is done and the number of keys.
// After an error the store has a part of the keys.
using LoadProgress = std::function<void(double share, uint64_t keys)>;
Result<RunMap> LoadBlocks(const SnapshotReader& snapshot, Store& store, size_t threads, const LoadProgress& progress);

}  // namespace ringkv::storage
