// SPDX-License-Identifier: MIT
// The retry of a blocked client's request after a change of one of its keys.
#pragma once

#include "server/blocking/waiting_clients.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

struct ExecutionParts;

// Locks the keys and runs the handler again, in the thread that made the change. The request was permitted and routed
// when it came; what postpones requests, such as a pause, holds it back. WaitingClients unblocks it when its keys move
// to another node or this server becomes a replica. The client's thread accounts for it.
RetryResult Retry(const WaitingRequest& request, const ExecutionParts& parts, storage::Txn& txn);

}  // namespace ringkv::server
