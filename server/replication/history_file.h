// SPDX-License-Identifier: MIT
// What the file of a replication history says before anything changes.
#pragma once

#include <string>

#include "cluster/replication/history.h"
#include "storage/base/result.h"
#include "storage/disk/file_system.h"
#include "storage/durability/recovery.h"

namespace ringkv::server {

// Whether the data files name the history of their data, which somebody was elected for: then they have all that was
// acknowledged here, as durable as was promised. Ask before the history is saved. One of epoch 0 a node without data
// writes when it starts, so it says nothing about what was here before.
inline bool NamesHistory(storage::FileSystem& files) {
  const std::string path = storage::DataFiles::kHistoryName;
  if (!files.Exists(path)) return false;
  const storage::Result<std::string> text = storage::ReadWhole(files, path);
  if (!text) return false;
  const storage::Result<cluster::History> history = cluster::History::Parse(*text);
  return history && history->epoch() > 0;
}

}  // namespace ringkv::server
