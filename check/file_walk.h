// SPDX-License-Identifier: MIT
// Reads one log file or one snapshot completely: passes its content to a visitor and reports the state of the file.
#pragma once

#include <array>
#include <string>
#include <variant>

#include "check/data_visitor.h"
#include "storage/disk/file_system.h"

namespace ringkv::check {

enum class FileKind : uint8_t { kLog, kSnapshot };

enum class FileState : uint8_t {
  kGood,
  kTornTail,  // of a log file: the rest of an incomplete write, which the next start truncates
  kDamaged,
};

struct FileReport {
  FileKind kind = FileKind::kLog;
  FileState state = FileState::kGood;
  std::string problem;      // with file and offset; empty if it is good
  uint64_t good_bytes = 0;  // of a log file: the length of its readable part
  uint64_t file_bytes = 0;
  storage::Lsn first = 0;  // of a log file: LSN of the first group; last < first if no group was read
  storage::Lsn last = 0;
  storage::UnixMs earliest = 0;  // start of the file
  storage::UnixMs latest = 0;    // time of its last frame
  uint64_t frames = 0;
  uint64_t groups = 0;
  uint64_t libraries = 0;                                                   // of a snapshot, in their section
  uint64_t keys = 0;                                                        // of a snapshot, in its blocks
  uint64_t raw_bytes = 0;                                                   // of a snapshot's blocks before compression
  std::array<uint64_t, std::variant_size_v<storage::AnyEffect>> effects{};  // by kind
};

// Damage is part of the report. Errors: the file is not readable, or has a newer version.
storage::Result<FileReport> WalkLog(storage::FileSystem& files, const std::string& path, DataVisitor& visitor);
storage::Result<FileReport> WalkSnapshot(storage::FileSystem& files, const std::string& path, DataVisitor& visitor);
// Detects the kind of the file; an error if it is neither.
storage::Result<FileReport> WalkFile(storage::FileSystem& files, const std::string& path, DataVisitor& visitor);

}  // namespace ringkv::check
