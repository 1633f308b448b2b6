// SPDX-License-Identifier: MIT
// Requests as others than their client may see them: MONITOR, SLOWLOG.
#pragma once

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "server/command/command.h"

namespace ringkv::server {

inline constexpr std::string_view kHidden = "(redacted)";

// Hides the arguments [first, end), as far as they are there.
inline void HideArguments(std::span<std::string_view> argv, size_t first, size_t end = SIZE_MAX) {
  for (size_t i = first; i < std::min(end, argv.size()); ++i) argv[i] = kHidden;
}

// The request without its secrets. `copy` holds the result where the command may have any, and must outlive it.
inline std::span<const std::string_view> ShownArguments(const Command& row, std::span<const std::string_view> argv,
                                                        std::vector<std::string_view>* copy) {
  if (row.hide_secrets == nullptr) return argv;
  copy->assign(argv.begin(), argv.end());
  row.hide_secrets(*copy);
  return *copy;
}

}  // namespace ringkv::server
