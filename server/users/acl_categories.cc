// SPDX-License-Identifier: MIT
#include "server/users/acl_categories.h"

#include <algorithm>

#include "server/base/text.h"
#include "server/command/command_docs.h"
#include "storage/base/check.h"

namespace ringkv::server {

AclCategories::AclCategories(const CommandTable& commands) : commands_(commands) {
  RINGKV_CHECK(commands.size() <= kMostCommands);
  for (const std::string_view name : CategoryNames()) all_.push_back({.name = name, .own = {}, .covered = {}});
  for (size_t i = 0; i < commands.size(); ++i) {
    const CommandEntry& entry = commands.entry(i);
    for (const std::string_view name : CategoriesOf(*entry.row)) {
      const auto is_it = [&](const AclCategory& each) { return each.name == name; };
      AclCategory& category = *std::find_if(all_.begin(), all_.end(), is_it);
      category.own.set(i);
      category.covered.set(i);
      for (const CommandEntry* subcommand : entry.subcommands) category.covered.set(subcommand->index);
    }
  }
}

const AclCategory* AclCategories::Find(std::string_view name) const {
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [&](const AclCategory& each) { return EqualsIgnoringCase(each.name, name); });
  return found == all_.end() ? nullptr : &*found;
}

const CommandEntry* AclCategories::Command(std::string_view name) const {
  for (size_t i = 0; i < commands_.size(); ++i) {
    if (EqualsIgnoringCase(commands_.entry(i).full_name, name)) return &commands_.entry(i);
  }
  return nullptr;
}

}  // namespace ringkv::server
