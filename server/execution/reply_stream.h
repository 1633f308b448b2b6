// SPDX-License-Identifier: MIT
// A reply that is too large to be made at once: it is made part by part, as fast as the client reads.
//
// Threads: confined to the client's thread.
#pragma once

#include "resp/buffer.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

class ReplyStream {
 public:
  virtual ~ReplyStream() = default;
  // Appends the next part, some ten kilobytes if it can be cut so. False when that was the last. `txn` holds no lock.
  virtual bool Continue(storage::Txn& txn, resp::Buffer& out) = 0;
};

}  // namespace ringkv::server
