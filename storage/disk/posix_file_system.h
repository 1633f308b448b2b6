// SPDX-License-Identifier: MIT
// The disk as the operating system gives it.
//
// Threads: immutable.
#pragma once

#include <string>
#include <utility>

#include "storage/disk/file_system.h"

namespace ringkv::storage {

class PosixFileSystem final : public FileSystem {
 public:
  // Paths that don't begin with / are in `directory`; if it is empty, in the working directory of the process.
  explicit PosixFileSystem(std::string directory = "") : directory_(std::move(directory)) {}

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  bool Exists(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& directory) override;
  Status MakeDirectory(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status SyncDirectory(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

 private:
  // The path for the operating system. Errors name it, so that they tell the directory.
  std::string Located(const std::string& path) const;

  const std::string directory_;
};

}  // namespace ringkv::storage
