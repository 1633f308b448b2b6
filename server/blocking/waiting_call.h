// SPDX-License-Identifier: MIT
// For commands that may wait for a key: the time-out that they are given, and the keys that they find.
#pragma once

#include <optional>

#include "server/command/command.h"
#include "server/command/typed_key.h"

namespace ringkv::server {

// Seconds, in fractions; 0 is for ever. Returns when the waiting ends, in Unix milliseconds; nothing with the error
// written.
std::optional<int64_t> ParseDeadline(DataCall& call, std::string_view text);

// Like FindTyped; but to who waits already, a key of another type is none.
std::optional<storage::Place> FindAwaited(DataCall& call, storage::ValueType type, std::string_view key,
                                          storage::Intent intent = storage::Intent::kWrite);

// There is nothing yet: the call waits, or answers null where it can't.
void WaitForKeys(DataCall& call, storage::ValueType wanted, int64_t deadline_ms, bool as_array = true);

}  // namespace ringkv::server
