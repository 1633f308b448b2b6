// SPDX-License-Identifier: MIT
// Reads frames from an LSN on: from the backlog in memory if it has them, else from the log's files.
//
// Threads: confined; one per reader.
#pragma once

#include <memory>
#include <string>

#include "storage/disk/file_system.h"
#include "storage/log/backlog.h"
#include "storage/log/log_reader.h"

namespace ringkv::storage {

class LogTail {
 public:
  // Both references must outlive the tail. `log_directory` is empty if there are no files that lead up to the backlog.
  LogTail(const Backlog& backlog, FileSystem& files, std::string log_directory, Lsn next)
      : backlog_(backlog),
        files_(files),
        log_directory_(std::move(log_directory)),
        life_(backlog.lives()),
        next_(next) {}

  // The next frames, about `most` bytes; the first may begin with groups that were read already. kGone: the next groups
  // are not available any more.
  Backlog::ReadResult Read(size_t most, FrameList* frames);
  // The next group to read.
  Lsn next() const { return next_; }

 private:
  bool ReadFiles(size_t most, FrameList* frames);
  bool OpenFile();

  const Backlog& backlog_;
  FileSystem& files_;
  const std::string log_directory_;
  const uint64_t life_;
  Lsn next_;
  std::unique_ptr<LogFileReader> file_;
  Lsn file_end_ = 0;  // start of the next file: groups of this file from there on are void
};

}  // namespace ringkv::storage
