// SPDX-License-Identifier: MIT
// INFO: a row a field, with the names that monitoring tools read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/transaction/txn.h"

namespace ringkv::server {

class Server;

// The sections asked for, in whatever case: names, "default", "all", "everything"; none asks for the default ones.
// `txn` holds no lock, or all.
std::string InfoPage(Server& server, storage::Txn& txn, const std::vector<std::string_view>& sections);

}  // namespace ringkv::server
