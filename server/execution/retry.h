// SPDX-License-Identifier: MIT
// The retry of a blocked client's request after a change of one of its keys.
#pragma once

#include <optional>

#include "server/base/client_links.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

struct ExecutionParts;
struct WaitingRequest;

// Locks the keys and runs the handler again, in the thread that made the change. None if the client stays blocked. The
// request was permitted, routed and admitted when it came. WaitingClients unblocks it when its keys move to another
// node or this server becomes a replica. The client's thread accounts for it.
std::optional<LateAnswer> Retry(const WaitingRequest& request, const ExecutionParts& parts, storage::Txn& txn);

}  // namespace ringkv::server
