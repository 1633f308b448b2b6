// SPDX-License-Identifier: MIT
// Finds the commands that scripts call. They call few of them, again and again by the same text.
//
// Threads: confined.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "server/command/command_table.h"

namespace ringkv::server {

class CallNames {
 public:
  // `table` must outlive the object.
  explicit CallNames(const CommandTable& table) : table_(table) {}

  // As CommandTable::Find.
  const CommandEntry* Find(std::span<const std::string_view> argv) {
    const std::string_view name = argv[0];
    if (name.empty() || name.size() > kLongestKept) return table_.Find(argv);
    Known& known = known_[(name.size() + static_cast<unsigned char>(name.back())) % kPlaces];
    return known.name == name ? known.entry : LookUp(argv, known);
  }

 private:
  static constexpr size_t kPlaces = 16;
  static constexpr size_t kLongestKept = 15;  // what a std::string holds without an allocation

  struct Known {
    std::string name;
    const CommandEntry* entry = nullptr;
  };

  const CommandEntry* LookUp(std::span<const std::string_view> argv, Known& known) {
    const CommandEntry* const entry = table_.Find(argv);
    if (entry != nullptr && entry->IsKnownByName()) known = {std::string(argv[0]), entry};
    return entry;
  }

  const CommandTable& table_;
  std::array<Known, kPlaces> known_;
};

}  // namespace ringkv::server
