// SPDX-License-Identifier: MIT
// The ACL file: a line "user NAME RULES" for each user, as redis-server writes it (option aclfile).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/users/users.h"
#include "storage/disk/file_system.h"

namespace ringkv::server {

// The users of a text in that form. An error lists all that is wrong, each with `name` and line, as redis-server's
// does.
storage::Result<std::vector<NamedUser>> ReadUsers(std::string_view text, const std::string& name, const Users& users);
// All users as such a text.
std::string WriteUsers(const Users& users);

}  // namespace ringkv::server
