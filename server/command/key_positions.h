// SPDX-License-Identifier: MIT
// Finds the keys among the arguments of a request, by its row.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "resp/integer_text.h"
#include "server/command/command.h"

namespace ringkv::server {

// The number of keys behind the argument that says it; 0 if that is not valid.
inline int CountedKeys(const KeySpec& spec, std::span<const std::string_view> argv) {
  const auto first = static_cast<size_t>(spec.first);
  if (first > argv.size()) return 0;
  const std::optional<int64_t> count = resp::ParseInteger(argv[first - 1]);
  const auto most = static_cast<int64_t>(argv.size() - first) / spec.step;
  return count && *count > 0 && *count <= most ? static_cast<int>(*count) : 0;
}

// Whether the arguments that say how many keys there are, are valid.
inline bool HasValidCounts(const Command& row, std::span<const std::string_view> argv) {
  for (const KeySpec* spec : {&row.keys, &row.more_keys, &row.last_keys}) {
    const bool is_counted = spec->first != 0 && spec->find == nullptr && spec->search == KeySearch::kCounted;
    if (is_counted && CountedKeys(*spec, argv) == 0) return false;
  }
  return true;
}

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
    // An invalid number gives no keys; the command refuses it.
    if (spec->search == KeySearch::kCounted) last = spec->first + spec->step * CountedKeys(*spec, argv) - 1;
    for (int i = spec->first; i <= last && i < argc; i += spec->step) visit(*spec, static_cast<size_t>(i));
  }
}

template <typename Visitor>
void ForEachKey(const Command& row, std::span<const std::string_view> argv, Visitor&& visit) {
  ForEachKeyPosition(row, argv, [&](const KeySpec&, size_t index) { visit(argv[index]); });
}

}  // namespace ringkv::server
