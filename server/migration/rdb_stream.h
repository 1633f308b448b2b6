// SPDX-License-Identifier: MIT
// Streams the data set as an RDB file, for `redis-cli --rdb`, in the framing that Redis uses for an unknown length.
//
// Keys are read while clients write: each key is as of one moment, but not all of the same one.
#pragma once

#include <string>
#include <vector>

#include "server/execution/reply_stream.h"
#include "storage/rdb/rdb_writer.h"

namespace ringkv::server {

class RdbStream final : public ReplyStream {
 public:
  // `end_mark`: 40 random bytes, which practically never occur in the data.
  RdbStream(storage::DbIndex databases, std::string end_mark);

  bool Continue(storage::Txn& txn, resp::Buffer& out) override;

 private:
  struct Key {
    std::string key;
    storage::ValueCopy value;
  };

  // False if keys are held for long: then they are read later.
  bool ReadSome(storage::Txn& txn);

  const storage::DbIndex databases_;
  const std::string end_mark_;
  std::string part_;
  storage::RdbWriter rdb_{&part_};
  std::vector<Key> keys_;
  size_t keys_at_once_ = 1;
  bool has_begun_ = false;
  bool in_database_ = false;
  storage::DbIndex db_ = 0;
  uint64_t cursor_ = 0;
};

}  // namespace ringkv::server
