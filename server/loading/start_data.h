// SPDX-License-Identifier: MIT
// What a server starts with: the data that was saved, or else what an RDB file has; then a file of lines.
#pragma once

#include "storage/base/result.h"

namespace ringkv::server {

class Server;

// Between Server::BeginLoading and EndLoading. An error ends the start.
storage::Status LoadStartData(Server& server);

}  // namespace ringkv::server
