// SPDX-License-Identifier: MIT
#include "server/blocking/waiting_call.h"

#include <cmath>

#include "server/blocking/key_wait.h"
#include "server/command/expiry_time.h"
#include "server/command/long_double.h"

namespace ringkv::server {

std::optional<int64_t> ParseDeadline(DataCall& call, std::string_view text) {
  const std::optional<long double> seconds = ParseLongDouble(text);
  const long double milliseconds = seconds ? std::ceil(*seconds * 1000) : 0;
  if (!seconds) {
    call.reply.Error("ERR timeout is not a float or out of range");
  } else if (milliseconds < 0 || milliseconds > static_cast<long double>(INT64_MAX)) {
    call.reply.Error("ERR timeout is negative");  // as redis-server 7.0 says of one that is too long, too
  } else {
    return milliseconds == 0
               ? INT64_MAX
               : MillisecondsFrom(call.txn.store().clock().SteadyMs(), static_cast<int64_t>(milliseconds));
  }
  return std::nullopt;
}

std::optional<storage::Place> FindAwaited(DataCall& call, storage::ValueType type, std::string_view key,
                                          storage::Intent intent) {
  const bool is_retry = call.wait != nullptr && call.wait->is_retry;
  // Hits, misses and keymiss are those of the first attempt.
  storage::Place place = call.txn.Find(call.db, key, is_retry ? storage::Intent::kWrite : intent);
  if (!place || place.entry().type() == type) return place;
  if (is_retry) return place.FoundAt(nullptr, nullptr, nullptr);
  call.reply.Error(errors::kWrongType);
  return std::nullopt;
}

void WaitForKeys(DataCall& call, storage::ValueType wanted, int64_t deadline_ms, bool as_array) {
  if (call.wait == nullptr) return as_array ? call.reply.NullArray() : call.reply.Null();
  call.wait->would_wait = true;
  call.wait->deadline_ms = deadline_ms;
  call.wait->wanted = wanted;
}

}  // namespace ringkv::server
