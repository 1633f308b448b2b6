// SPDX-License-Identifier: MIT
#include "server/loading/redis_files.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/data_directory.h"
#include "server/data/data_keeper.h"
#include "storage/log/log_files.h"
#include "storage/rdb/rdb_format.h"

namespace ringkv::server {
namespace {

using storage::Result;

// Log files beside those of Redis are own data too: they have the same directory by default.
bool HasOwnData(storage::FileSystem& files, const storage::DataFiles& data) {
  for (const std::string& path : {data.SnapshotPath(), data.PreviousPath()}) {
    if (files.Exists(path) && !IsRdbFile(files, path)) return true;
  }
  const Result<std::vector<storage::LogFileName>> logs = storage::ListLogFiles(files, data.log_directory);
  return !logs || !logs->empty();
}

}  // namespace

std::string FindRedisAof(storage::FileSystem& files, const Options& options) {
  const std::string directory = options.appenddirname.Get();
  const Result<std::vector<std::string>> names = files.List(directory);
  const auto is_manifest = [](std::string_view name) { return name.ends_with(".manifest"); };
  if (names && std::any_of(names->begin(), names->end(), is_manifest)) return directory;
  const std::string single = options.appendfilename.Get();
  return options.appendonly != 0 && files.Exists(single) ? single : std::string();
}

bool IsRdbFile(storage::FileSystem& files, const std::string& path) {
  if (!files.Exists(path)) return false;
  const Result<std::unique_ptr<storage::File>> file = files.Open(path, storage::OpenMode::kRead);
  if (!file) return false;
  char magic[storage::kRdbHeadBytes];
  const Result<size_t> got = (*file)->ReadAt(0, magic, sizeof magic);
  return got && storage::BeginsRdbFile(std::string_view(magic, *got));
}

storage::Status CheckForRedisAof(storage::FileSystem& files, const Options& options) {
  if (!options.load_aof.Get().empty() || !options.load_rdb.Get().empty()) return {};
  const storage::DataFiles data = DataKeeper::FilesOf(options);
  if (HasOwnData(files, data)) return {};
  const std::string aof = FindRedisAof(files, options);
  if (aof.empty()) return {};
  const std::string aof_path = InDataDirectory(options, aof);
  std::string text = "'" + aof_path + "' is an append-only file of Redis, and there is no data of RingKV yet: load it ";
  text += "with '--load-aof " + aof_path + "'";
  const bool takes_name = IsRdbFile(files, data.SnapshotPath());
  const std::string rdb = takes_name ? data.snapshot_name : kRdbNameInRedis;
  if (options.appendonly == 0 && IsRdbFile(files, rdb)) {
    text += ", or, as redis-server does with 'appendonly no', '--load-rdb " + InDataDirectory(options, rdb) + "'";
  }
  if (takes_name) text += "; give 'dbfilename' another name than '" + rdb + "', which is an RDB file of Redis";
  return storage::Fail(text + "; or move the append-only file away");
}

}  // namespace ringkv::server
