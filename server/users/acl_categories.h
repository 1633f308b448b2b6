// SPDX-License-Identifier: MIT
// The ACL categories, each as a set of commands.
#pragma once

#include <bitset>
#include <string_view>
#include <vector>

#include "server/command/command_table.h"
#include "server/users/permissions.h"

namespace ringkv::server {

struct AclCategory {
  std::string_view name;
  std::bitset<kMostCommands> own;      // commands and subcommands of the category
  std::bitset<kMostCommands> covered;  // those that +@name permits: of a container all subcommands too
};

// Threads: immutable once made.
class AclCategories {
 public:
  // `commands` must outlive it.
  explicit AclCategories(const CommandTable& commands);

  // Null if there is no such category; case does not matter.
  const AclCategory* Find(std::string_view name) const;
  const std::vector<AclCategory>& all() const { return all_; }  // in Redis' order
  // By its own name, "get" or "client|list", whatever requests call it; case does not matter. Null if there is none.
  const CommandEntry* Command(std::string_view name) const;
  const CommandTable& commands() const { return commands_; }

 private:
  const CommandTable& commands_;
  std::vector<AclCategory> all_;
};

}  // namespace ringkv::server
