// SPDX-License-Identifier: MIT
// Sends copies of keys over a connection, one at a time, and takes the replies.
#pragma once

#include <string>
#include <vector>

#include "server/migration/key_copy.h"
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
  bool found_none = false;            // there was no copy
};

// The keys must not change meanwhile.
TransferResult TransferKeys(const ExecutionParts& parts, MigrateConnection& connection, const MigrateRequest& request,
                            KeyCopies& copies);

}  // namespace ringkv::server
