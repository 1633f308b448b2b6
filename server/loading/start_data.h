// SPDX-License-Identifier: MIT
// What a server starts with: the data that was saved, or else what an RDB file or an append-only file of Redis has;
// then a file of lines.
#pragma once

#include <functional>
#include <string>

#include "server/base/world.h"
#include "server/config/options.h"
#include "server/data/data_keeper.h"
#include "server/observe/log.h"
#include "storage/base/result.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

// All of it outlives the loading.
struct StartParts {
  World world;
  const Options& options;
  Log& log;
  DataKeeper& data;
  std::function<storage::Status()> load_aof;  // loads what the option load-aof names
  // Creates a library of functions from its code.
  std::function<storage::Status(storage::Txn& txn, const std::string& code)> load_library;
};

// Between DataKeeper::BeginLoading and EndLoading. An error ends the start.
storage::Status LoadStartData(const StartParts& parts);

}  // namespace ringkv::server
