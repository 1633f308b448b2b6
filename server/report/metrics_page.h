// SPDX-License-Identifier: MIT
// Everything that is counted, in the text format of Prometheus.
#pragma once

#include <functional>
#include <string>

#include "storage/transaction/txn.h"

namespace ringkv::server {

class Server;

// Counts at once. What is returned writes the page, which takes longer and may be done by any thread. `txn` holds no
// lock, or all.
std::function<std::string()> MetricsPage(Server& server, storage::Txn& txn);

}  // namespace ringkv::server
