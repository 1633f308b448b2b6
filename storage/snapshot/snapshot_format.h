// SPDX-License-Identifier: MIT
// The format of a snapshot (docs/formats/snapshot.md): a header, then sections: the libraries of functions, the ledger
// of slots, blocks of keys, frames of the log that were written meanwhile, and an end with their totals. Each section
// has separate checksums of its header and of its body, so the chain of sections can be followed without reading the
// bodies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/byte_codec.h"
#include "storage/base/clock.h"
#include "storage/base/db_index.h"
#include "storage/base/lsn.h"
#include "storage/disk/file_header.h"
#include "storage/entry/entry.h"
#include "storage/entry/folded_bytes.h"
#include "storage/keyspace/store.h"
#include "storage/snapshot/block_codec.h"

namespace ringkv::storage {

constexpr size_t kSectionHeaderBytes = 56;

enum class SectionKind : uint8_t { kBlock = 1, kFrame = 2, kEnd = 3, kLibraries = 4, kLedger = 5 };

struct Section {
  SectionKind kind = SectionKind::kEnd;
  Codec codec = Codec::kStored;
  uint32_t keys = 0;
  uint64_t number = 0;  // from 0 on: detects missing and misplaced sections
  uint64_t stored_bytes = 0;
  uint64_t raw_bytes = 0;
  uint64_t body_checksum = 0;
};

// The body of the end section.
struct SnapshotEnd {
  Lsn last = 0;  // the snapshot is the state after this group
  uint64_t keys = 0;
  uint64_t raw_bytes = 0;  // of all blocks
};

// A part of a block: the keys of all databases with positions in [first, end), as of `lsn`.
struct BlockRun {
  uint64_t first = 0;
  uint64_t end = 0;
  Lsn lsn = 0;
};

struct BlockEntry {
  DbIndex db = 0;
  std::string_view key;
  ValueKind kind = StringForm::kPlain;
  std::string_view value;  // packed, if it is a collection
  UnixMs expiry = kNoExpiry;
  uint32_t access = 0;
};

// The file header of a snapshot of `store` that begins now; `begun`: the last group.
std::string EncodeSnapshotHeader(const Store& store, UnixMs now, Lsn begun);
std::string EncodeSection(const Section& section);
bool DecodeSection(std::string_view bytes, Section* section);

std::string EncodeEnd(const SnapshotEnd& end);
bool DecodeEnd(std::string_view body, SnapshotEnd* end);

// The libraries of functions: name and code of each. They come first, so that all later changes of them come as frames
// behind it. False if the bytes are invalid.
std::string EncodeLibraries(const LibrarySet& libraries);
bool DecodeLibraries(std::string_view body, LibrarySet* libraries);

// A block's body is runs; a run is its bounds and LSN, then for each database with keys its number, their count, and
// the keys.
void EncodeRun(std::string* out, const BlockRun& run);
void EncodeEntry(FoldedBytes* out, const Entry& entry);
BlockRun DecodeRun(ByteReader* from);
BlockEntry DecodeEntry(ByteReader* from);

}  // namespace ringkv::storage
