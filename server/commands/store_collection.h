// SPDX-License-Identifier: MIT
// Storing a collection that a command has made, as SINTERSTORE, ZUNIONSTORE and their kind do.
#pragma once

#include <string_view>

#include "server/command/command.h"

namespace ringkv::server {

// At the key, which must be locked, whatever was there; without elements nothing is there. Replies how many there are.
void StoreCollection(DataCall& call, std::string_view key, storage::ValueKind kind, std::string_view packed,
                     size_t elements);

}  // namespace ringkv::server
