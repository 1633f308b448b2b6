// SPDX-License-Identifier: MIT
// Which arguments of a request are keys, by its row.
#pragma once

#include <span>
#include <string_view>

#include "server/command/command.h"

namespace ringkv::server {

// `visit(spec, index)` for each argument that is a key.
template <typename Visitor>
void ForEachKeyPosition(const Command& row, size_t argc, Visitor&& visit) {
  for (const KeySpec* spec : {&row.keys, &row.more_keys}) {
    if (spec->first == 0) continue;
    const int last = spec->last < 0 ? static_cast<int>(argc) + spec->last : spec->last;
    for (int i = spec->first; i <= last && i < static_cast<int>(argc); i += spec->step) {
      visit(*spec, static_cast<size_t>(i));
    }
  }
}

template <typename Visitor>
void ForEachKey(const Command& row, std::span<const std::string_view> argv, Visitor&& visit) {
  ForEachKeyPosition(row, argv.size(), [&](const KeySpec&, size_t index) { visit(argv[index]); });
}

}  // namespace ringkv::server
