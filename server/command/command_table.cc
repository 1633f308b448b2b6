// SPDX-License-Identifier: MIT
#include "server/command/command_table.h"

#include <algorithm>

namespace ringkv::server {
namespace {

constexpr size_t kLongestName = 64;

uint32_t NeedsOf(const Command& row) {
  uint32_t needs = row.needs | kNeedsPermission | kNeedsMemoryChecked;
  // Queued commands may have any of these needs; Admit checks which ones they have.
  const bool runs_queued = row.Has(kRunsQueued);
  if (!row.Has(kNeverPaused)) needs |= kNeedsNoPause;
  if (!row.Is(kNoAuth)) needs |= kNeedsAuthentication;
  if (row.Is(kWrite) || runs_queued) {
    needs |= kNeedsWritable | kNeedsNoWritePause | kNeedsHealthyDisk | kNeedsLogRoom | kNeedsReplicas | kNeedsNoFence;
  }
  if (row.Is(kWrite | kReadOnly) || runs_queued) needs |= kNeedsPrimary;
  if (row.Is(kWrite | kReadOnly) || row.Has(kRunsScript) || runs_queued) needs |= kNeedsNoHandOver;
  // It may be meant for the node that the client has connected to.
  if (row.Is(kAdmin)) needs |= kNeedsOwnConnection;
  if (!row.Is(kLoading) || runs_queued) needs |= kNeedsLoaded;
  if (!row.Is(kStale) || runs_queued) needs |= kNeedsFreshData;
  // Probes must not take a primary without a lease for a dead process: PING is answered, as by a cluster that is down.
  if ((!row.Is(kStale) && row.group != Group::kConnection) || runs_queued) needs |= kNeedsLease;
  if (!row.Has(kForSubscribers)) needs |= kNeedsNoSubscription;
  if (!row.Is(kAllowBusy) || runs_queued) needs |= kNeedsNoLongHold;
  return needs;
}

}  // namespace

CommandTable::CommandTable(std::span<const std::span<const Command>> families, std::span<const CommandRename> renames)
    : places_(kPlaces) {
  size_t count = 0;
  for (const auto& rows : families) count += rows.size();
  entries_.reserve(count);  // entries are pointed at
  for (const auto& rows : families) AddRows(rows);
  for (CommandEntry& entry : entries_) {
    if (entry.row->parent.empty()) continue;
    auto* parent = const_cast<CommandEntry*>(FindContainer(entry.row->parent));
    entry.parent = parent;
    parent->subcommands.push_back(&entry);
  }
  for (const CommandRename& rename : renames) Rename(rename);
  for (const CommandEntry& entry : entries_) {
    if (!entry.row->parent.empty() || entry.name.empty()) continue;
    top_level_.push_back(&entry);
    Place(&entry);
  }
}

void CommandTable::AddRows(std::span<const Command> rows) {
  for (const Command& row : rows) {
    const std::string full_name =
        row.parent.empty() ? std::string(row.name) : std::string(row.parent) + "|" + std::string(row.name);
    entries_.push_back({.row = &row,
                        .full_name = full_name,
                        .name = std::string(row.name),
                        .index = entries_.size(),
                        .needs = NeedsOf(row),
                        .has_one_key = row.HasOneKey()});
  }
}

// In the order of the lines: a name that one has given away is free for the next.
void CommandTable::Rename(const CommandRename& rename) {
  for (CommandEntry& entry : entries_) {
    if (!entry.row->parent.empty() || !EqualsIgnoringCase(entry.name, rename.from)) continue;
    entry.name = rename.to;
    return;
  }
}

const CommandEntry* CommandTable::FindContainer(std::string_view parent) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const CommandEntry& entry) {
    return entry.row->parent.empty() && entry.row->name == parent;
  });
  return &*found;  // RowsAreSound: there is one
}

void CommandTable::Place(const CommandEntry* entry) {
  size_t place = PlaceOf(entry->name);
  while (places_[place] != nullptr) place = (place + 1) % kPlaces;
  places_[place] = entry;
}

size_t CommandTable::PlaceOf(std::string_view name) {
  uint64_t hash = name.size();
  for (const char c : name) hash = (hash ^ (static_cast<unsigned char>(c) | 0x20)) * 0x100000001b3u;
  return static_cast<size_t>(hash >> 20) % kPlaces;
}

const CommandEntry* CommandTable::FindName(std::string_view name) const {
  if (name.size() > kLongestName) return nullptr;
  for (size_t place = PlaceOf(name); places_[place] != nullptr; place = (place + 1) % kPlaces) {
    if (EqualsIgnoringCase(places_[place]->name, name)) return places_[place];
  }
  return nullptr;
}

const CommandEntry* CommandTable::Find(std::span<const std::string_view> argv) const {
  const CommandEntry* entry = FindName(argv[0]);
  if (entry == nullptr || entry->subcommands.empty() || argv.size() < 2) return entry;
  for (const CommandEntry* subcommand : entry->subcommands) {
    if (EqualsIgnoringCase(subcommand->row->name, argv[1])) return subcommand;
  }
  // COMMAND alone is a command of its own, and its unknown subcommands are unknown like the others'.
  return nullptr;
}

const CommandEntry* CommandTable::FindFullName(std::string_view name) const {
  const size_t bar = name.find('|');
  if (bar == std::string_view::npos) return FindName(name);
  const std::string_view words[] = {name.substr(0, bar), name.substr(bar + 1)};
  const CommandEntry* entry = Find(words);
  return entry != nullptr && entry->parent != nullptr ? entry : nullptr;
}

std::optional<std::string> WhyNotRenamed(std::span<const std::span<const Command>> families,
                                         std::span<const CommandRename> renames) {
  for (size_t i = 0; i < renames.size(); ++i) {
    const CommandRename& rename = renames[i];
    const CommandTable table(families, renames.first(i));
    const std::string start = rename.where + ": rename-command: ";
    if (table.FindName(rename.from) == nullptr) return start + "there is no command '" + rename.from + "'";
    if (table.FindName(rename.to) != nullptr) return start + "there is a command '" + rename.to + "' already";
    if (rename.to.size() > kLongestName) {
      return start + "the new name is longer than " + std::to_string(kLongestName) + " bytes";
    }
  }
  return std::nullopt;
}

}  // namespace ringkv::server
