// SPDX-License-Identifier: MIT
// Converts relative and absolute expiry arguments to the absolute time of the store.
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

// The unit of EX, PX, EXAT or PXAT; null for another word.
const TimeUnit* TimeUnitOf(std::string_view word);

// How long a key is to live: EX, PX, EXAT or PXAT with a number.
struct Lifetime {
  const TimeUnit* unit = nullptr;  // null: nothing is said of it
  std::string_view text;

  bool is_given() const { return unit != nullptr; }
  // Takes one of these words with its number.
  bool Take(Arguments& args);
};

// Adds milliseconds, saturating at the last representable time.
constexpr storage::UnixMs MillisecondsFrom(storage::UnixMs now, int64_t milliseconds) {
  storage::UnixMs then = 0;
  return __builtin_add_overflow(now, milliseconds, &then) ? INT64_MAX : then;
}

// Milliseconds until then. None if it is over, as a client that imports may find it: less than nothing would read as
// one of the codes of TTL.
constexpr int64_t TimeLeft(storage::UnixMs expiry, storage::UnixMs now) { return expiry > now ? expiry - now : 0; }

// Whether times of zero and below are allowed (EXPIRE deletes the key) or errors (SET).
enum class PastTimes { kAllowed, kRefused };

// The time; on failure writes the error, with the name `command`, and returns none.
std::optional<storage::UnixMs> ParseExpiry(DataCall& call, std::string_view text, TimeUnit unit, PastTimes past,
                                           std::string_view command);
// Of a lifetime that is given; none of its numbers may be zero or below.
std::optional<storage::UnixMs> ParseExpiry(DataCall& call, const Lifetime& lifetime, std::string_view command);

}  // namespace ringkv::server
