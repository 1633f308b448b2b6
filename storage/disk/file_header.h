// SPDX-License-Identifier: MIT
// The 64-byte header of log files and snapshots. Its meaning is the same in every version, so that a newer file is not
// taken for a damaged one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/clock.h"
#include "storage/base/lsn.h"
#include "storage/base/result.h"

namespace ringkv::storage {

// The kind of a file, by its first bytes.
constexpr std::string_view kLogMagic = "RINGKVLG";
constexpr std::string_view kSnapshotMagic = "RINGKVSN";
constexpr size_t kFileHeaderBytes = 64;
// The newest version that this program writes and reads. Version 2 added collections, version 3 folded blocks, version
// 4 libraries of functions, version 5 the ledger of slots and fields that expire.
constexpr uint32_t kFormatVersion = 5;

struct FileHeader {
  uint32_t version = kFormatVersion;
  uint64_t hash_seed = 0;
  bool by_slot = false;  // see Placement; not used by log files
  Lsn lsn = 0;           // of a log file: its first LSN; of a snapshot: the last LSN at its start
  UnixMs created = 0;
};

std::string EncodeFileHeader(std::string_view magic, const FileHeader& header);
// Errors: not a file of RingKV, a newer version, or damage.
Result<FileHeader> DecodeFileHeader(std::string_view magic, std::string_view bytes);

}  // namespace ringkv::storage
