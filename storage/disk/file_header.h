// SPDX-License-Identifier: MIT
// The 64 bytes that log files and snapshots begin with. They keep their meaning in every version, so a newer file is
// told from a damaged one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/clock.h"
#include "storage/base/lsn.h"
#include "storage/base/result.h"

namespace ringkv::storage {

// What a file is, by its first bytes.
constexpr std::string_view kLogMagic = "RINGKVLG";
constexpr std::string_view kSnapshotMagic = "RINGKVSN";
constexpr size_t kFileHeaderBytes = 64;
// The newest that this program writes and reads. Since 2 there are collections, since 3 blocks of which parts
// are folded.
constexpr uint32_t kFormatVersion = 3;

struct FileHeader {
  uint32_t version = kFormatVersion;
  uint64_t hash_seed = 0;
  bool by_slot = false;  // see Placement; log files don't depend on it
  Lsn lsn = 0;           // of a log file: of its first group; of a snapshot: the last one when it was begun
  UnixMs created = 0;
};

std::string EncodeFileHeader(std::string_view magic, const FileHeader& header);
// Says what is wrong with it: not ours, of a newer version, or damaged.
Result<FileHeader> DecodeFileHeader(std::string_view magic, std::string_view bytes);

}  // namespace ringkv::storage
