// SPDX-License-Identifier: MIT
#include "server/loading/start_data.h"

#include <unistd.h>

#include <iostream>
#include <string>

#include "server/config/data_directory.h"
#include "server/loading/load_file.h"
#include "server/loading/load_rdb.h"
#include "server/loading/redis_files.h"

namespace ringkv::server {
namespace {

// Reports the progress periodically, if standard error is a terminal.
auto ProgressOf(const std::string& path) {
  return [path, on_terminal = ::isatty(STDERR_FILENO) != 0](uint64_t done, uint64_t total) {
    if (on_terminal) std::cerr << "loading " << path << ": " << done * 100 / total << " %\n";
  };
}

std::string MillisecondsSince(const StartParts& parts, int64_t start_micros) {
  return std::to_string((parts.world.clock.SteadyMicros() - start_micros) / 1000) + " ms";
}

storage::Status LoadLines(const StartParts& parts, const std::string& path, storage::Txn& txn) {
  LoadFileOptions options;
  options.strict = parts.options.load_file_strict != 0;
  options.progress = ProgressOf(path);
  const int64_t start = parts.world.clock.SteadyMicros();
  const storage::Result<LoadSummary> summary = LoadFile(path, options, txn);
  if (!summary) return tl::unexpected(summary.error());
  std::string line =
      "loaded " + std::to_string(summary->lines) + " lines of " + path + " in " + MillisecondsSince(parts, start);
  if (summary->skipped > 0) line += ", skipped " + std::to_string(summary->skipped) + " bad ones";
  parts.log.Notice(line);
  return {};
}

storage::Status LoadRedisFile(const StartParts& parts, const std::string& path, storage::Txn& txn) {
  LoadRdbOptions options;
  options.progress = [&parts, show = ProgressOf(path)](uint64_t done, uint64_t total) {
    parts.data.NoteLoaded(done, total);
    show(done, total);
  };
  options.library = [&](const std::string& code) { return parts.load_library(txn, code); };
  const int64_t start = parts.world.clock.SteadyMicros();
  const storage::Result<LoadRdbSummary> summary = LoadRdb(parts.world.files, path, options, txn);
  if (!summary) return tl::unexpected(summary.error());
  const std::string libraries =
      summary->libraries > 0 ? " and " + std::to_string(summary->libraries) + " libraries of functions" : "";
  parts.log.Notice("loaded " + std::to_string(summary->keys) + " keys" + libraries + " of " + path + " in " +
                   MillisecondsSince(parts, start) + "; the time of " + std::to_string(summary->expired) + " was over");
  std::string left_out;
  for (const auto& [type, count] : summary->left_out) {
    left_out += (left_out.empty() ? "" : ", ") + std::to_string(count) + " of type " + type;
  }
  if (!left_out.empty()) parts.log.Warning("load-rdb '" + path + "': left out unsupported data: " + left_out);
  return {};
}

// Without data: what somebody who comes from redis-server may not expect.
void SayWhatDiffers(const StartParts& parts) {
  const std::string snapshot = parts.options.dbfilename.Get();
  if (snapshot.ends_with(".rdb")) {
    parts.log.Notice("snapshots are written to '" + snapshot +
                     "' (dbfilename) in RingKV's own format, which redis-server can't load");
  } else if (IsRdbFile(parts.world.files, kRdbNameInRedis)) {
    parts.log.Warning("'" + InDataDirectory(parts.options, kRdbNameInRedis) +
                      "' is an RDB file of Redis and is not loaded; 'load-rdb' loads it");
  }
  // Beside a snapshot of RingKV without a key, which may be meant: the data was deleted.
  if (const std::string aof = FindRedisAof(parts.world.files, parts.options); !aof.empty()) {
    parts.log.Warning("'" + InDataDirectory(parts.options, aof) +
                      "' is an append-only file of Redis and is not loaded; 'load-aof' loads it");
  }
}

}  // namespace

storage::Status LoadStartData(const StartParts& parts) {
  storage::Random random(parts.data.store().placement().seed);
  storage::Txn txn(parts.data.store(), parts.world.clock.Now(), random);
  txn.set_is_silent(true);
  const std::string rdb_path = parts.options.load_rdb.Get();
  const std::string aof_path = parts.options.load_aof.Get();
  if (!rdb_path.empty() && !aof_path.empty()) {
    return storage::Fail("load-rdb and load-aof can't be given together: say which of them has the data");
  }
  bool fills = false;
  storage::Status opened = parts.data.Open([&]() -> storage::Status {
    fills = true;
    if (!aof_path.empty()) return parts.load_aof();
    if (!rdb_path.empty()) return LoadRedisFile(parts, rdb_path, txn);
    SayWhatDiffers(parts);
    return {};
  });
  if (!opened) return opened;
  if (!fills && !(rdb_path + aof_path).empty()) {
    parts.log.Warning((aof_path.empty() ? "load-rdb '" + rdb_path : "load-aof '" + aof_path) +
                      "' was not loaded: there is data in '" + parts.options.dir.Get() + "' already");
  }
  const std::string lines_path = InDataDirectory(parts.options, parts.options.load_file.Get());
  return lines_path.empty() ? storage::Status() : LoadLines(parts, lines_path, txn);
}

}  // namespace ringkv::server
