// SPDX-License-Identifier: MIT
// The whole store as a stream, for one who will follow it: the bytes of a snapshot file (docs/formats/snapshot.md),
// with frames of the log between its blocks. No file, no fork, and no more memory than a block.
//
// Before a block is copied, all frames up to then have to be sent; so the receiver knows that a run which has not come
// yet will hold whatever was done to its keys, and needs to keep nothing aside (see storage/transfer/follower.h).
//
// Threads: confined.
#pragma once

#include <string>

#include "storage/snapshot/block_source.h"

namespace ringkv::storage {

class SnapshotStream {
 public:
  // `store` must outlive the stream.
  SnapshotStream(Store& store, int compression_level) : store_(store), blocks_(store), cursor_(compression_level) {}

  // The file header; `begun`: the last group at the start of the stream. Effects after it must be sent.
  std::string Header(UnixMs now, Lsn begun);
  // The next block as a section. False when all keys have been copied: then the frames up to the store's last group
  // follow, and the end.
  bool NextBlock(std::string* section);
  std::string End(Lsn last);

  double progress() const { return blocks_.progress(); }

 private:
  std::string Seal(Section section, std::string_view body);

  Store& store_;
  BlockSource blocks_;
  BlockSource::Cursor cursor_;
  uint64_t sections_ = 0;
  SnapshotEnd sum_;
};

}  // namespace ringkv::storage
