// SPDX-License-Identifier: MIT
#include "server/command/expiry_time.h"

#include <string>

#include "server/base/text.h"
#include "server/command/error_replies.h"

namespace ringkv::server {

const TimeUnit* TimeUnitOf(std::string_view word) {
  static constexpr struct {
    std::string_view word;
    TimeUnit unit;
  } kUnits[] = {{"EX", kInSeconds}, {"PX", kInMilliseconds}, {"EXAT", kAtSecond}, {"PXAT", kAtMillisecond}};
  for (const auto& each : kUnits) {
    if (EqualsIgnoringCase(word, each.word)) return &each.unit;
  }
  return nullptr;
}

bool Lifetime::Take(Arguments& args) {
  const TimeUnit* const named = args.Left() >= 2 ? TimeUnitOf(args.Peek()) : nullptr;
  if (named == nullptr) return false;
  args.Skip(1);
  unit = named;
  text = args.Next();
  return true;
}

std::optional<storage::UnixMs> ParseExpiry(DataCall& call, std::string_view text, TimeUnit unit, PastTimes past,
                                           std::string_view command) {
  const std::optional<int64_t> amount = resp::ParseInteger(text);
  if (!amount) {
    call.reply.Error(errors::kNotInteger);
    return std::nullopt;
  }
  const bool is_refused = past == PastTimes::kRefused && *amount <= 0;
  const bool fits = *amount <= INT64_MAX / unit.milliseconds && *amount >= INT64_MIN / unit.milliseconds;
  const int64_t base = unit.is_absolute ? 0 : call.txn.now();
  if (is_refused || !fits || *amount * unit.milliseconds > INT64_MAX - base) {
    call.reply.Error("ERR invalid expire time in '" + std::string(command) + "' command");
    return std::nullopt;
  }
  // The smallest number stands for "no expiry" in the store: one millisecond later is as far in the past.
  const int64_t at = *amount * unit.milliseconds + base;
  return at == storage::kNoExpiry ? at + 1 : at;
}

std::optional<storage::UnixMs> ParseExpiry(DataCall& call, const Lifetime& lifetime, std::string_view command) {
  return ParseExpiry(call, lifetime.text, *lifetime.unit, PastTimes::kRefused, command);
}

}  // namespace ringkv::server
