// SPDX-License-Identifier: MIT
// Loads the data in memory anew from the files, which tests what they hold (DEBUG RELOAD).
#pragma once

#include "storage/durability/recovery.h"
#include "storage/transaction/txn.h"

namespace ringkv::storage {

// The files must lead to the state in memory: the caller holds all locks in `txn`, and has written all changes. Watched
// keys count as changed. Nothing is recorded. After an error the data in memory is as before.
Status ReloadFromFiles(Txn& txn, FileSystem& files, const DataFiles& data);

}  // namespace ringkv::storage
