// SPDX-License-Identifier: MIT
// Puts the keys of a block's run into a store.
#pragma once

#include <string>

#include "storage/snapshot/snapshot_format.h"

namespace ringkv::storage {

// Reads a run, whose keys stand where `placement` says, and adds its number of keys to `keys`. None of them may be in
// the store yet. Says what is wrong with the run, or nothing; a part of it is in the store then.
std::string LoadRun(ByteReader& reader, const Placement& placement, Store& store, uint64_t* keys, BlockRun* run);

}  // namespace ringkv::storage
