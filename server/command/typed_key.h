// SPDX-License-Identifier: MIT
// Finds a key that must have a value of one type or not exist.
#pragma once

#include <optional>

#include "server/command/command.h"
#include "server/command/error_replies.h"

namespace ringkv::server {

// If the key has another type, writes the error and returns none.
inline std::optional<storage::Place> FindTyped(DataCall& call, storage::ValueType type, std::string_view key,
                                               storage::Intent intent) {
  storage::Place place = call.txn.Find(call.db, key, intent);
  if (!place || place.entry().type() == type) return place;
  call.reply.Error(errors::kWrongType);
  return std::nullopt;
}

inline std::optional<storage::Place> FindString(DataCall& call, std::string_view key, storage::Intent intent) {
  return FindTyped(call, storage::ValueType::kString, key, intent);
}

}  // namespace ringkv::server
