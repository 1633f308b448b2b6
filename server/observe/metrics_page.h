// SPDX-License-Identifier: MIT
// Everything that is counted, in the text format of Prometheus.
#pragma once

#include <string>

#include "storage/txn.h"

namespace ringkv::server {

class Server;

// `txn` holds no lock, or all.
std::string MetricsPage(Server& server, storage::Txn& txn);

}  // namespace ringkv::server
