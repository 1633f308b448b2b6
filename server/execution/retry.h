// SPDX-License-Identifier: MIT
// A blocked client's request, when one of its keys has changed.
#pragma once

#include <optional>

#include "server/base/client_links.h"
#include "storage/transaction/txn.h"

namespace ringkv::server {

class Server;
struct WaitingRequest;

// Locks its keys and runs it again, by whichever thread has made the change. Nothing if it waits on. It was permitted,
// routed and admitted when it came, and would be told if that had changed; the client's thread keeps its books.
std::optional<LateAnswer> Retry(const WaitingRequest& request, Server& server, storage::Txn& txn);

}  // namespace ringkv::server
