// SPDX-License-Identifier: MIT
// Common code of the SCAN commands: cursor and options.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/command/command.h"

namespace ringkv::server {

struct ScanOptions {
  size_t count = 10;
  std::string_view pattern = "*";
  std::string_view type;
  bool names_only = false;
  std::optional<size_t> slot = {};

  bool Matches(std::string_view name) const;
};

// Parses a cursor like strtoul, as clients expect: a sign is allowed, and an empty text is zero.
std::optional<uint64_t> ParseCursor(std::string_view text);
// What is scanned. Each has options of its own.
enum class Scanned : uint8_t { kKeys, kClusterKeys, kHash, kSet, kSortedSet };
// Reads the options from the arguments' cursor on. On failure writes the error and returns false.
bool ParseScanOptions(DataCall& call, Scanned what, ScanOptions* options);

}  // namespace ringkv::server
