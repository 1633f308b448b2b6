// SPDX-License-Identifier: MIT
// "In so many seconds", "at this millisecond": what people write, as the absolute time that the store keeps.
#pragma once

#include <optional>
#include <string_view>

#include "server/command/command.h"

namespace ringkv::server {

struct TimeUnit {
  int64_t milliseconds;  // in one unit
  bool is_absolute;      // since 1970, else from now on
};
constexpr TimeUnit kInSeconds{1000, false};
constexpr TimeUnit kInMilliseconds{1, false};
constexpr TimeUnit kAtSecond{1000, true};
constexpr TimeUnit kAtMillisecond{1, true};

// So many milliseconds later, or the last time that there is.
constexpr storage::UnixMs MillisecondsFrom(storage::UnixMs now, int64_t milliseconds) {
  storage::UnixMs then = 0;
  return __builtin_add_overflow(now, milliseconds, &then) ? INT64_MAX : then;
}

// Whether times of zero and below make sense (EXPIRE deletes then) or are errors (SET).
enum class PastTimes { kAllowed, kRefused };

// The time, or nothing with the error written; `command` names the command in it.
std::optional<storage::UnixMs> ParseExpiry(DataCall& call, std::string_view text, TimeUnit unit, PastTimes past,
                                           std::string_view command);

}  // namespace ringkv::server
