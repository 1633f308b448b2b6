// SPDX-License-Identifier: MIT
// What the file of a replication history says before anything changes.
#pragma once

#include <string>

#include "cluster/replication/history.h"
#include "storage/base/result.h"
#include "storage/disk/file_system.h"
#include "storage/durability/recovery.h"

namespace ringkv::server {

// Whether the data files name the history of their data: then they have all that was acknowledged here, as durable as
// was promised. Ask before the history is saved.
inline bool NamesHistory(storage::FileSystem& files) {
  const std::string path = storage::DataFiles::kHistoryName;
  if (!files.Exists(path)) return false;
  const storage::Result<std::string> text = storage::ReadWhole(files, path);
  return text && cluster::History::Parse(*text);
}

}  // namespace ringkv::server
