// SPDX-License-Identifier: MIT
// Helpers of blocking commands: timeout and keys.
#pragma once

#include <optional>

#include "server/command/command.h"
#include "server/command/typed_key.h"

namespace ringkv::server {

// Parses a timeout in fractional seconds; 0: none. Returns the deadline in Unix milliseconds; on failure writes the
// error and returns none.
std::optional<int64_t> ParseDeadline(DataCall& call, std::string_view text);

// Like FindTyped, but on a retry a key of another type counts as missing.
std::optional<storage::Place> FindAwaited(DataCall& call, storage::ValueType type, std::string_view key,
                                          storage::Intent intent = storage::Intent::kWrite);

// No element is available: blocks the client, or replies null if it cannot block.
void WaitForKeys(DataCall& call, storage::ValueType wanted, int64_t deadline_ms, bool as_array = true);

}  // namespace ringkv::server
