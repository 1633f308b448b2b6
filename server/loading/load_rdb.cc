// SPDX-License-Identifier: MIT
#include "server/loading/load_rdb.h"

#include "storage/base/once_a_second.h"
#include "storage/rdb/rdb_reader.h"

namespace ringkv::server {
namespace {

constexpr uint64_t kKeysAProgressCheck = 1 << 14;

}  // namespace

storage::Result<LoadRdbSummary> LoadRdb(storage::FileSystem& files, const std::string& path,
                                        const LoadRdbOptions& options, storage::Txn& txn) {
  const storage::Result<std::unique_ptr<storage::RdbReader>> opened = storage::RdbReader::Open(files, path);
  if (!opened) return tl::unexpected(opened.error());
  storage::RdbReader& rdb = **opened;
  rdb.set_on_left_out(options.left_out);
  LoadRdbSummary summary;
  if (options.library)
    rdb.set_on_library([&](const std::string& code) -> storage::Status {
      storage::Status loaded = options.library(code);
      if (!loaded)
        return storage::Fail("RDB file '" + path +
                             "' has a library of functions that can't be loaded: " + loaded.error().text);
      ++summary.libraries;
      return loaded;
    });
  storage::RdbKey key;
  storage::OnceASecond once_a_second(txn.store().clock());
  for (;;) {
    const storage::Result<bool> read = rdb.Next(&key);
    if (!read) return tl::unexpected(read.error());
    if (!*read) break;
    if (!options.goes_on()) return storage::Fail("loading RDB file '" + path + "' was given up");
    if (key.db >= txn.store().databases()) {
      return storage::Fail("RDB file '" + path + "' has keys in database " + std::to_string(key.db) +
                           ", and databases is " + std::to_string(txn.store().databases()));
    }
    if (txn.HasPassed(key.expiry)) {
      ++summary.expired;
      continue;
    }
    txn.LockKey(key.key);
    storage::Place place = txn.Find(static_cast<storage::DbIndex>(key.db), key.key, storage::Intent::kCheck);
    txn.PutCopy(place, storage::ValueCopy(key.kind, std::move(key.value), key.expiry), storage::events::kNone);
    txn.Unlock();
    if (++summary.keys % kKeysAProgressCheck == 0 && once_a_second.IsDue()) {
      options.progress(rdb.offset(), rdb.file_bytes());
    }
  }
  summary.read_bytes = rdb.offset();
  summary.left_out = rdb.left_out();
  summary.stream_db = rdb.stream_db();
  return summary;
}

}  // namespace ringkv::server
