// SPDX-License-Identifier: MIT
// Loads the keys of an RDB file of Redis, and its libraries of functions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "storage/disk/file_system.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

struct LoadRdbSummary {
  uint64_t keys = 0;
  uint64_t libraries = 0;
  uint64_t read_bytes = 0;                   // up to the end of the RDB form; the file may go on in another one
  uint64_t expired = 0;                      // expired before loading
  std::map<std::string, uint64_t> left_out;  // keys of unsupported types, by type
  std::string stream_db;                     // see RdbReader
};

struct LoadRdbOptions {
  // Called about once a second with bytes read and the file's size.
  std::function<void(uint64_t done, uint64_t total)> progress = [](uint64_t, uint64_t) {};
  // Called for each key of an unsupported type.
  std::function<void(const std::string& type, const std::string& key)> left_out = [](const std::string&,
                                                                                     const std::string&) {};
  // Takes the code of a library of functions; an error ends the loading. The transaction holds no lock.
  std::function<storage::Status(const std::string& code)> library;
  // Checked periodically; false ends loading with an error.
  std::function<bool()> goes_on = [] { return true; };
};

// An error names the file and the offset; the store has the keys before it.
storage::Result<LoadRdbSummary> LoadRdb(storage::FileSystem& files, const std::string& path,
                                        const LoadRdbOptions& options, storage::Txn& txn);

}  // namespace ringkv::server
