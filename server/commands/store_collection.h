// SPDX-License-Identifier: MIT
// Storing a collection that a command has made, as SINTERSTORE, ZUNIONSTORE and their kind do.
#pragma once

#include <string_view>

#include "server/command/command.h"

namespace ringkv::server {

// At the key, which must be locked, whatever was there; without elements nothing is there. Replies how many there are.
// `event` is what subscribers are told where there are any.
void StoreCollection(DataCall& call, std::string_view key, storage::ValueKind kind, std::string_view packed,
                     size_t elements, const storage::KeyEvent& event);

}  // namespace ringkv::server
