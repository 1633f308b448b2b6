// SPDX-License-Identifier: MIT
// Sends the keys of a MIGRATE over a connection, one copy at a time, and takes the replies.
#pragma once

#include <string>
#include <vector>

#include "server/migration/migrate_connection.h"
#include "server/migration/migrate_request.h"

namespace ringkv::server {

struct ExecutionParts;

// The error reply of redis-server for a step that has failed.
std::string IoError(MigrateConnection::Step step);

struct TransferResult {
  std::vector<std::string> accepted;  // keys that the target has
  std::string error;                  // the reply to the client; empty: OK
  bool is_broken = false;             // the connection must not be used any more
  bool found_none = false;            // none of the keys exists any more
};

// The keys must be fenced.
TransferResult TransferKeys(const ExecutionParts& parts, MigrateConnection& connection, const MigrateRequest& request);

}  // namespace ringkv::server
