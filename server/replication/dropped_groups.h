// SPDX-License-Identifier: MIT
// What a former primary has and its successor lacks is dropped when it follows that one. It is kept in a file beside
// the data (docs/formats/log.md), for whoever wants to look what was lost.
//
// Threads: a pure function.
#pragma once

#include <cstdint>
#include <string>

#include "storage/base/lsn.h"
#include "storage/base/result.h"
#include "storage/disk/file_system.h"
#include "storage/log/log_tail.h"

namespace ringkv::server {

struct DroppedGroups {
  std::string file;
  storage::Lsn first = 0;
  storage::Lsn last = 0;  // less than what was asked for if the log does not reach that far
  uint64_t bytes = 0;
};

// Writes the groups that `tail` reads, up to `last`, which nobody appends to now; durably.
storage::Result<DroppedGroups> KeepDroppedGroups(storage::FileSystem& files, storage::LogTail& tail, storage::Lsn last,
                                                 uint64_t hash_seed, int64_t now);

}  // namespace ringkv::server
