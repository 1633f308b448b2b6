// SPDX-License-Identifier: MIT
// All commands by name.
//
// Threads: immutable once made.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/command/command.h"
#include "server/config/options.h"

namespace ringkv::server {

struct CommandEntry {
  const Command* row;
  std::string full_name;     // "client|list" for a subcommand
  std::string name;          // that requests use, which rename-command changes; empty if the command was removed
  size_t index;              // dense, for statistics
  uint32_t needs = 0;        // of Need, by the row
  bool has_one_key = false;  // as Command::HasOneKey
  std::vector<const CommandEntry*> subcommands = {};
  const CommandEntry* parent = nullptr;

  // Whether the first word of a request is enough to find it; of a container the next word decides too.
  bool IsKnownByName() const { return parent == nullptr && subcommands.empty(); }
};

class CommandTable {
 public:
  // The rows must outlive the table. `renames`: those that WhyNotRenamed has passed.
  explicit CommandTable(std::span<const std::span<const Command>> families,
                        std::span<const CommandRename> renames = {});
  CommandTable(const CommandTable&) = delete;
  CommandTable& operator=(const CommandTable&) = delete;

  // The command that the request names, in whatever case; for a container with a known subcommand, that one; for a
  // container with an unknown one, null. A container without any argument is found itself.
  const CommandEntry* Find(std::span<const std::string_view> argv) const;
  const CommandEntry* FindName(std::string_view name) const;      // top level
  const CommandEntry* FindFullName(std::string_view name) const;  // "get", "client|list"
  // The container of rows that have this parent, whatever requests call it.
  const CommandEntry* FindContainer(std::string_view parent) const;
  const std::vector<const CommandEntry*>& top_level() const { return top_level_; }
  size_t size() const { return entries_.size(); }
  const CommandEntry& entry(size_t index) const { return entries_[index]; }

 private:
  static constexpr size_t kPlaces = 1024;
  static size_t PlaceOf(std::string_view name);

  void AddRows(std::span<const Command> rows);
  void Rename(const CommandRename& rename);
  void Place(const CommandEntry* entry);

  std::vector<CommandEntry> entries_;
  std::vector<const CommandEntry*> top_level_;
  std::vector<const CommandEntry*> places_;  // open addressing, a power of two
};

// Says what is wrong with the first wrong line rename-command, and where it stands; nothing if they can be carried out.
std::optional<std::string> WhyNotRenamed(std::span<const std::span<const Command>> families,
                                         std::span<const CommandRename> renames);

}  // namespace ringkv::server
