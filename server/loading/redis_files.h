// SPDX-License-Identifier: MIT
// Files of a redis-server in the data directory, which a start must not pass over in silence.
#pragma once

#include <string>

#include "server/config/options.h"
#include "storage/base/result.h"
#include "storage/disk/file_system.h"

namespace ringkv::server {

// What redis-server's dbfilename is by default.
constexpr const char* kRdbNameInRedis = "dump.rdb";

// An error if there is no data of RingKV yet, but an append-only file of Redis that no option loads: a start would
// begin empty. It says how to load it. What is wrong with a snapshot is for recovery to tell.
storage::Status CheckForRedisAof(storage::FileSystem& files, const Options& options);

// What load-aof would name: the directory of a manifest, or the single file of Redis before 7; empty if there is
// neither. As redis-server does, the single file is passed over if appendonly is off.
std::string FindRedisAof(storage::FileSystem& files, const Options& options);

// Whether there is a file at this path that begins like an RDB file.
bool IsRdbFile(storage::FileSystem& files, const std::string& path);

}  // namespace ringkv::server
