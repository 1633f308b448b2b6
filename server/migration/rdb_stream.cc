// SPDX-License-Identifier: MIT
#include "server/migration/rdb_stream.h"

#include <algorithm>

#include "server/base/version.h"
#include "storage/transaction/walk.h"

namespace ringkv::server {
namespace {

constexpr size_t kPartBytes = 32 * 1024;
constexpr size_t kMostKeysAtOnce = 64;  // are copied under one lock, fewer where values are large

}  // namespace

RdbStream::RdbStream(storage::DbIndex databases, std::string end_mark)
    : databases_(databases), end_mark_(std::move(end_mark)) {}

bool RdbStream::Continue(storage::Txn& txn, resp::Buffer& out) {
  part_.clear();
  if (!has_begun_) {
    has_begun_ = true;
    out.Append("$EOF:" + end_mark_ + "\r\n");
    rdb_.Begin(kRedisVersion, txn.now());
    for (const auto& [name, code] : *txn.ReadLibraries()) rdb_.Library(*code);
  }
  while (part_.size() < kPartBytes && db_ < databases_ && ReadSome(txn)) {
  }
  const bool is_last = db_ == databases_;
  if (is_last) {
    rdb_.End();
    part_ += end_mark_;
  }
  out.Append(part_);
  if (part_.capacity() > 4 * kPartBytes) std::string().swap(part_);
  return !is_last;
}

bool RdbStream::ReadSome(storage::Txn& txn) {
  // Encoding compresses, which is not to be done under a lock.
  keys_.clear();
  size_t bytes = 0;
  const uint64_t next = Walk(txn, db_, cursor_, keys_at_once_, [&](const storage::Entry& entry) {
    keys_.push_back({std::string(entry.key()), storage::ValueCopy(entry)});
    bytes += entry.MemorySize();
  });
  if (txn.has_skipped()) return false;
  cursor_ = next;
  keys_at_once_ = bytes > kPartBytes ? 1 : std::min(2 * keys_at_once_, kMostKeysAtOnce);
  for (const Key& key : keys_) {
    if (!in_database_) {
      in_database_ = true;
      rdb_.SelectDatabase(db_);
    }
    rdb_.Key(key.key, key.value.kind, key.value.packed, key.value.expiry);
  }
  if (cursor_ == 0) {
    in_database_ = false;
    ++db_;
  }
  return true;
}

}  // namespace ringkv::server
