// SPDX-License-Identifier: MIT
// Streams the whole store to a replica: the bytes of a snapshot file (docs/formats/snapshot.md) with frames of the log
// between its blocks. It needs no file, no fork, and only the memory of one block.
//
// All frames up to the copy of a block must be sent before it. So a run that has not arrived yet will contain all
// earlier changes of its keys, and the receiver need not buffer them (see storage/transfer/follower.h).
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "storage/snapshot/block_source.h"

namespace ringkv::storage {

class SnapshotStream {
 public:
  // `store` must outlive the stream.
  SnapshotStream(Store& store, int compression_level, size_t block_bytes = BlockSource::kBlockBytes)
      : store_(store), blocks_(store, block_bytes), cursor_(compression_level) {}

  // The file header; `begun`: the last group at the start of the stream. Effects after it must be sent.
  std::string Header(UnixMs now, Lsn begun);
  // The libraries of functions, the ledger of slots, if there are any, or the next block as a section. False when all
  // keys have been copied: then the frames up to the store's last group follow, and the end.
  bool NextBlock(std::string* section);
  std::string End(Lsn last);

  double progress() const { return blocks_.progress(); }
  uint64_t keys() const { return sum_.keys; }

 private:
  std::string Seal(Section section, std::string_view body);
  std::string SealStored(SectionKind kind, std::string_view body);

  Store& store_;
  BlockSource blocks_;
  BlockSource::Cursor cursor_;
  bool has_libraries_ = false;
  bool has_ledger_ = false;
  uint64_t sections_ = 0;
  SnapshotEnd sum_;
};

}  // namespace ringkv::storage
