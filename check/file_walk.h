// SPDX-License-Identifier: MIT
// Reads one log file or one snapshot from end to end: shows a visitor what it holds, and tells what it is worth.
#pragma once

#include <array>
#include <string>
#include <variant>

#include "check/data_visitor.h"
#include "storage/disk/file_system.h"

namespace ringkv::check {

enum class FileKind : uint8_t { kLog, kSnapshot };

enum class Verdict : uint8_t {
  kGood,
  kTornTail,  // of a log file: what a crash leaves, and the next start cuts
  kDamaged,
};

struct FileReport {
  FileKind kind = FileKind::kLog;
  Verdict verdict = Verdict::kGood;
  std::string problem;      // with file and offset; empty if it is good
  uint64_t good_bytes = 0;  // of a log file: up to where it can be read
  uint64_t file_bytes = 0;
  storage::Lsn first = 0;  // of a log file: of the first group; nothing was read as long as last < first
  storage::Lsn last = 0;
  storage::UnixMs earliest = 0;  // when it was begun
  storage::UnixMs latest = 0;    // the time of its last frame
  uint64_t frames = 0;
  uint64_t groups = 0;
  uint64_t keys = 0;                                                        // of a snapshot, in its blocks
  uint64_t raw_bytes = 0;                                                   // of a snapshot's blocks before compression
  std::array<uint64_t, std::variant_size_v<storage::AnyEffect>> effects{};  // by their kind
};

// Damage is part of the report. Errors: the file cannot be read, or is of a newer version.
storage::Result<FileReport> WalkLog(storage::FileSystem& files, const std::string& path, DataVisitor& visitor);
storage::Result<FileReport> WalkSnapshot(storage::FileSystem& files, const std::string& path, DataVisitor& visitor);
// Finds out which of the two it is; an error if it is neither.
storage::Result<FileReport> WalkFile(storage::FileSystem& files, const std::string& path, DataVisitor& visitor);

}  // namespace ringkv::check
