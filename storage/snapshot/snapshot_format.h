// SPDX-License-Identifier: MIT
// The bytes of a snapshot (docs/formats/snapshot.md): a header, then sections: blocks of keys, frames of the log that
// were written meanwhile, and an end that says how many there are. Each section has two checksums, of its header and of
// its body, so the chain of sections can be followed without reading the bodies.
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

enum class SectionKind : uint8_t { kBlock = 1, kFrame = 2, kEnd = 3 };

struct Section {
  SectionKind kind = SectionKind::kEnd;
  Codec codec = Codec::kStored;
  uint32_t keys = 0;
  uint64_t number = 0;  // sections count from 0: none can be missing or stand elsewhere
  uint64_t stored_bytes = 0;
  uint64_t raw_bytes = 0;
  uint64_t body_checksum = 0;
};

// What the end section's body says.
struct SnapshotEnd {
  Lsn last = 0;  // the snapshot is the state after this group
  uint64_t keys = 0;
  uint64_t raw_bytes = 0;  // of all blocks
};

// A part of a block: the keys of all databases whose positions lie in [first, end), as they were at `lsn`.
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

// The file header of a snapshot of `store` that is begun now, with `begun` the last group.
std::string EncodeSnapshotHeader(const Store& store, UnixMs now, Lsn begun);
std::string EncodeSection(const Section& section);
bool DecodeSection(std::string_view bytes, Section* section);

std::string EncodeEnd(const SnapshotEnd& end);
bool DecodeEnd(std::string_view body, SnapshotEnd* end);

// A block's body is runs; a run is its bounds and LSN, then for each database with keys its number, how many, and them.
void EncodeRun(std::string* out, const BlockRun& run);
void EncodeEntry(FoldedBytes* out, const Entry& entry);
BlockRun DecodeRun(ByteReader* from);
BlockEntry DecodeEntry(ByteReader* from);

}  // namespace ringkv::storage
