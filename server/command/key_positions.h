// SPDX-License-Identifier: MIT
// Finds the keys among the arguments of a request, by its row.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "resp/integer_text.h"
#include "server/command/command.h"

namespace ringkv::server {

// Calls `visit(spec, index)` for each argument that is a key.
template <typename Visitor>
void ForEachKeyPosition(const Command& row, std::span<const std::string_view> argv, Visitor&& visit) {
  const auto argc = static_cast<int>(argv.size());
  for (const KeySpec* spec : {&row.keys, &row.more_keys, &row.last_keys}) {
    if (spec->first == 0) continue;
    if (spec->find != nullptr || spec->search == KeySearch::kKeyword || spec->search == KeySearch::kUnknown) {
      const ArgumentRange range = spec->find != nullptr ? spec->find(argv) : ArgumentRange{};
      for (size_t i = range.first; i < range.first + range.count; ++i) visit(*spec, i);
      continue;
    }
    int last = spec->last < 0 ? argc + spec->last : spec->last;
    if (spec->search == KeySearch::kCounted) {
      // An invalid number gives no keys; the command refuses it.
      const std::optional<int64_t> count = resp::ParseInteger(argv[static_cast<size_t>(spec->first) - 1]);
      last = count && *count > 0 && *count <= argc - spec->first ? spec->first + static_cast<int>(*count) - 1 : 0;
    }
    for (int i = spec->first; i <= last && i < argc; i += spec->step) visit(*spec, static_cast<size_t>(i));
  }
}

template <typename Visitor>
void ForEachKey(const Command& row, std::span<const std::string_view> argv, Visitor&& visit) {
  ForEachKeyPosition(row, argv, [&](const KeySpec&, size_t index) { visit(argv[index]); });
}

}  // namespace ringkv::server
