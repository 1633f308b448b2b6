// SPDX-License-Identifier: MIT
// Loads the keys of a block's run into a store.
#pragma once

#include <string>

#include "storage/snapshot/snapshot_format.h"

namespace ringkv::storage {

// Loads a run, whose positions are those of `placement`, and adds its number of keys to `keys`. None of the keys may be
// in the store yet. Returns an error text, or an empty one; after an error a part of the run is in the store.
std::string LoadRun(ByteReader& reader, const Placement& placement, Store& store, uint64_t* keys, BlockRun* run);

}  // namespace ringkv::storage
