// SPDX-License-Identifier: MIT
// Loads an append-only file of Redis, as the option load-aof says. What is in RDB form is loaded like an RDB file; the
// commands behind it execute like those of a client, one transaction as a whole.
//
// The end of the last file may be torn, if aof-load-truncated says so. Whatever else can't be executed ends the
// loading: a command that is left out would change what the ones behind it do.
#pragma once

#include "server/base/world.h"
#include "storage/base/result.h"

namespace ringkv::server {

struct ExecutionParts;
class WatchedKeys;

// Call during the loading, before clients are served. An error names the file and the offset.
storage::Status LoadAof(const ExecutionParts& parts, World world, WatchedKeys& watched_keys);

}  // namespace ringkv::server
