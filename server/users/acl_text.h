// SPDX-License-Identifier: MIT
// Permissions as rules, in the form of ACL LIST, ACL GETUSER and the ACL file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/users/acl_categories.h"
#include "server/users/permissions.h"
#include "server/users/users.h"

namespace ringkv::server {

// The words of ACL GETUSER's flags.
std::vector<std::string_view> DescribeFlags(const Permissions& user);
// "+@all -get", "-@all +@read +config|get": as few rules as the search of redis-server finds, single commands in the
// order of their names.
std::string DescribeCommands(const AclCategories& categories, const Selector& selector);
std::string DescribeKeys(const Selector& selector);
// Without the word "resetchannels".
std::string DescribeChannels(const Selector& selector);
// All rules of a user, without his name; applied to a new user they make the same one.
std::string DescribePermissions(const AclCategories& categories, const Permissions& user);
// "user NAME RULES".
std::string DescribeUser(const AclCategories& categories, const NamedUser& user);

}  // namespace ringkv::server
