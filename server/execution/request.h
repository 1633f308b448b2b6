// SPDX-License-Identifier: MIT
// A parsed request, with the results of its look-up and prefetch.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "server/command/command_table.h"
#include "storage/base/position.h"

namespace ringkv::server {

struct Request {
  std::span<const std::string_view> argv;
  const CommandEntry* entry = nullptr;  // null: unknown, or not looked up
  bool is_looked_up = false;
  // Of the only key, if the command has just one.
  std::optional<storage::Position> position = std::nullopt;
};

}  // namespace ringkv::server
