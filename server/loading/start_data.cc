// SPDX-License-Identifier: MIT
#include "server/loading/start_data.h"

#include <unistd.h>

#include <iostream>
#include <string>

#include "server/config/data_directory.h"
#include "server/loading/load_file.h"
#include "server/loading/load_rdb.h"
#include "server/server.h"

namespace ringkv::server {
namespace {

// Reports the progress periodically, if standard error is a terminal.
auto ProgressOf(const std::string& path) {
  return [path, on_terminal = ::isatty(STDERR_FILENO) != 0](uint64_t done, uint64_t total) {
    if (on_terminal) std::cerr << "loading " << path << ": " << done * 100 / total << " %\n";
  };
}

std::string MillisecondsSince(const Server& server, int64_t start_micros) {
  return std::to_string((server.clock().SteadyMicros() - start_micros) / 1000) + " ms";
}

storage::Status LoadLines(Server& server, const std::string& path, storage::Txn& txn) {
  LoadFileOptions options;
  options.strict = server.options().load_file_strict != 0;
  options.progress = ProgressOf(path);
  const int64_t start = server.clock().SteadyMicros();
  const storage::Result<LoadSummary> summary = LoadFile(path, options, txn);
  if (!summary) return tl::unexpected(summary.error());
  std::string line =
      "loaded " + std::to_string(summary->lines) + " lines of " + path + " in " + MillisecondsSince(server, start);
  if (summary->skipped > 0) line += ", skipped " + std::to_string(summary->skipped) + " bad ones";
  server.log().Notice(line);
  return {};
}

storage::Status LoadRedisFile(Server& server, const std::string& path, storage::Txn& txn) {
  LoadRdbOptions options;
  options.progress = ProgressOf(path);
  const int64_t start = server.clock().SteadyMicros();
  const storage::Result<LoadRdbSummary> summary = LoadRdb(server.files(), path, options, txn);
  if (!summary) return tl::unexpected(summary.error());
  server.log().Notice("loaded " + std::to_string(summary->keys) + " keys of " + path + " in " +
                      MillisecondsSince(server, start) + "; the time of " + std::to_string(summary->expired) +
                      " was over");
  std::string left_out;
  for (const auto& [type, count] : summary->left_out) {
    left_out += (left_out.empty() ? "" : ", ") + std::to_string(count) + " of type " + type;
  }
  if (!left_out.empty()) server.log().Warning("load-rdb '" + path + "': left out unsupported data: " + left_out);
  return {};
}

}  // namespace

storage::Status LoadStartData(Server& server) {
  storage::Random random(server.store().placement().seed);
  storage::Txn txn(server.store(), server.clock().Now(), random);
  txn.set_is_silent(true);
  const std::string rdb_path = server.options().load_rdb.Get();
  bool fills = false;
  const storage::Status opened = server.data().Open([&]() -> storage::Status {
    fills = true;
    return rdb_path.empty() ? storage::Status() : LoadRedisFile(server, rdb_path, txn);
  });
  if (!opened) return opened;
  if (!rdb_path.empty() && !fills) {
    server.log().Warning("load-rdb '" + rdb_path + "' was not loaded: there is data in '" + server.options().dir.Get() +
                         "' already");
  }
  const std::string lines_path = InDataDirectory(server.options(), server.options().load_file.Get());
  return lines_path.empty() ? storage::Status() : LoadLines(server, lines_path, txn);
}

}  // namespace ringkv::server
