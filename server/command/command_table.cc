// SPDX-License-Identifier: MIT
#include "server/command/command_table.h"

namespace ringkv::server {
namespace {

uint32_t NeedsOf(const Command& row) {
  uint32_t needs = row.needs | kNeedsMemoryChecked | kNeedsNoPause;
  // What was queued may need all of it; the refusal looks closer.
  const bool runs_queued = row.Has(kRunsQueued);
  if (!row.Is(kNoAuth)) needs |= kNeedsAuthentication;
  if (row.Is(kWrite) || runs_queued) {
    needs |= kNeedsWritable | kNeedsNoWritePause | kNeedsHealthyDisk | kNeedsLogRoom | kNeedsReplicas |
             kNeedsNoFence;
  }
  if (!row.Is(kLoading) || runs_queued) needs |= kNeedsLoaded;
  if (!row.Is(kStale) || runs_queued) needs |= kNeedsFreshData;
  if (!row.Has(kForSubscribers)) needs |= kNeedsNoSubscription;
  return needs;
}

}  // namespace

CommandTable::CommandTable(std::span<const std::span<const Command>> families) : places_(kPlaces) {
  size_t count = 0;
  for (const auto& rows : families) count += rows.size();
  entries_.reserve(count);  // entries are pointed at
  for (const auto& rows : families) AddRows(rows);
  for (CommandEntry& entry : entries_) {
    if (entry.row->parent.empty()) continue;
    auto* parent = const_cast<CommandEntry*>(FindName(entry.row->parent));
    entry.parent = parent;
    parent->subcommands.push_back(&entry);
  }
}

void CommandTable::AddRows(std::span<const Command> rows) {
  for (const Command& row : rows) {
    const std::string full_name =
        row.parent.empty() ? std::string(row.name) : std::string(row.parent) + "|" + std::string(row.name);
    entries_.push_back({.row = &row, .full_name = full_name, .index = entries_.size(), .needs = NeedsOf(row)});
    if (!row.parent.empty()) continue;
    const CommandEntry* entry = &entries_.back();
    top_level_.push_back(entry);
    size_t place = PlaceOf(row.name);
    while (places_[place] != nullptr) place = (place + 1) % kPlaces;
    places_[place] = entry;
  }
}

size_t CommandTable::PlaceOf(std::string_view name) {
  uint64_t hash = name.size();
  for (const char c : name) hash = (hash ^ (static_cast<unsigned char>(c) | 0x20)) * 0x100000001b3u;
  return static_cast<size_t>(hash >> 20) % kPlaces;
}

const CommandEntry* CommandTable::FindName(std::string_view name) const {
  constexpr size_t kLongestName = 32;
  if (name.size() > kLongestName) return nullptr;
  for (size_t place = PlaceOf(name); places_[place] != nullptr; place = (place + 1) % kPlaces) {
    if (EqualsIgnoringCase(places_[place]->row->name, name)) return places_[place];
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

}  // namespace ringkv::server
