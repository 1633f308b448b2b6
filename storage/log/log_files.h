// SPDX-License-Identifier: MIT
// The files of the log: each is named after its first LSN, so the order of names is the order of the log.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/base/lsn.h"
#include "storage/disk/file_system.h"

namespace ringkv::storage {

struct LogFileName {
  Lsn first = 0;
  std::string name;
};

std::string NameOfLogFile(Lsn first);
// In ascending order, without other files; empty for a missing directory.
Result<std::vector<LogFileName>> ListLogFiles(FileSystem& files, const std::string& directory);
// Removes files whose groups all have an LSN up to `last`, but never the newest file.
Status DropLogFiles(FileSystem& files, const std::string& directory, Lsn last);

// Creates a file atomically: writes and syncs it under a temporary name, then renames it. Returns the file, open for
// appending. `mode` is one of those that replace.
Result<std::unique_ptr<File>> PlaceFile(FileSystem& files, const std::string& directory, const std::string& name,
                                        std::string_view bytes, OpenMode mode);

}  // namespace ringkv::storage
