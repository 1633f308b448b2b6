// SPDX-License-Identifier: MIT
// A reply that is generated in parts, as fast as the client reads; other clients are served between them.
//
// Threads: confined to the client's thread.
#pragma once

#include "resp/buffer.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

class ReplyStream {
 public:
  virtual ~ReplyStream() = default;
  // Appends the next part, about ten kilobytes if possible, or less after a millisecond's work or if the transaction
  // has skipped what is held for long. False after the last one. `txn` holds no lock.
  virtual bool Continue(storage::Txn& txn, resp::Buffer& out) = 0;
  // How many bytes follow, as far as they are in memory already.
  virtual size_t BytesLeft() const { return 0; }
  // Where pushes go that come meanwhile; null: between the parts.
  virtual resp::Buffer* Behind() { return nullptr; }
};

}  // namespace ringkv::server
