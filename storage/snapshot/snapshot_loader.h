// SPDX-License-Identifier: MIT
// Puts the blocks of a snapshot into an empty store, with several threads.
#pragma once

#include <functional>

#include "storage/keyspace/store.h"
#include "storage/snapshot/run_map.h"
#include "storage/snapshot/snapshot_reader.h"

namespace ringkv::storage {

// `progress` is called now and then, in the calling thread, with the share that is done. The store holds a part of the
// keys after an error.
using LoadProgress = std::function<void(double)>;
Result<RunMap> LoadBlocks(const SnapshotReader& snapshot, Store& store, size_t threads, const LoadProgress& progress);

}  // namespace ringkv::storage
