// SPDX-License-Identifier: MIT
// Stores the resulting collection of a command such as SINTERSTORE.
#pragma once

#include <string_view>

#include "server/command/command.h"

namespace ringkv::server {

// Stores the elements at the locked key, replacing any value, or deletes the key if there are none. Replies their
// number. `event`: the keyspace notification if there are elements.
void StoreCollection(DataCall& call, std::string_view key, storage::ValueKind kind, std::string_view packed,
                     size_t elements, const storage::KeyEvent& event);

}  // namespace ringkv::server
