// SPDX-License-Identifier: MIT
// The files of the log: each is called after the first LSN in it, so their names in order are the log in order.
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
// In ascending order. Other files are left out; a directory that is not there has none.
Result<std::vector<LogFileName>> ListLogFiles(FileSystem& files, const std::string& directory);
// Removes files whose groups all have an LSN up to `last`, but never the newest file.
Status DropLogFiles(FileSystem& files, const std::string& directory, Lsn last);

// Writes a file under a temporary name, syncs it, and gives it its name: it is there as a whole or not at all.
// Returns the file, open for appending. `mode` is one of those that replace.
Result<std::unique_ptr<File>> PlaceFile(FileSystem& files, const std::string& directory, const std::string& name,
                                        std::string_view bytes, OpenMode mode);

}  // namespace ringkv::storage
