// SPDX-License-Identifier: MIT
// Strings that are numbers.
#include <cmath>
#include <string>

#include "server/command/error_replies.h"
#include "server/command/long_double.h"
#include "server/command/typed_key.h"
#include "server/commands/families.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::Place;
using storage::StringForm;
using storage::StringPut;

void Increase(DataCall& call, int64_t amount) {
  std::optional<Place> found = FindString(call, call.args[1], Intent::kWrite);
  if (!found) return;
  Place& place = *found;
  int64_t value = 0;
  if (place) {
    const std::optional<int64_t> parsed = resp::ParseInteger(place.value());
    if (!parsed) return call.reply.Error(errors::kNotInteger);
    value = *parsed;
  }
  if (__builtin_add_overflow(value, amount, &value)) return call.reply.Error(errors::kIncrementOverflow);
  char digits[resp::kLongestInteger];
  const std::string_view text(digits, resp::FormatInteger(value, digits));
  call.txn.Do(place, StringPut{text, place.expiry()}, events::kIncrBy);
  call.reply.Integer(value);
}

void Incr(DataCall& call) { Increase(call, 1); }
void Decr(DataCall& call) { Increase(call, -1); }

void IncrBy(DataCall& call) {
  const std::optional<int64_t> amount = resp::ParseInteger(call.args[2]);
  if (!amount) return call.reply.Error(errors::kNotInteger);
  Increase(call, *amount);
}

void DecrBy(DataCall& call) {
  const std::optional<int64_t> amount = resp::ParseInteger(call.args[2]);
  if (!amount) return call.reply.Error(errors::kNotInteger);
  if (*amount == INT64_MIN) return call.reply.Error("ERR decrement would overflow");
  Increase(call, -*amount);
}

void IncrByFloat(DataCall& call) {
  std::optional<Place> found = FindString(call, call.args[1], Intent::kWrite);
  if (!found) return;
  Place& place = *found;
  const std::optional<long double> value = place ? ParseLongDouble(place.value()) : 0.0L;
  const std::optional<long double> amount = value ? ParseLongDouble(call.args[2]) : std::nullopt;
  if (!value || !amount) return call.reply.Error(errors::kNotFloat);
  const long double sum = *value + *amount;
  if (std::isnan(sum) || std::isinf(sum)) return call.reply.Error(errors::kIncrementNotFinite);
  const std::string text = FormatLongDouble(sum);
  call.txn.Do(place, StringPut{text, place.expiry(), StringForm::kText}, events::kIncrByFloat);
  call.reply.Bulk(text);
}

constexpr Command kCounterCommands[] = {
    {.name = "decr",
     .arity = 2,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyUpdate),
     .group = Group::kString,
     .since = "1.0.0",
     .syntax = "key",
     .summary = "Decrements an integer by one.",
     .run = Data(Decr)},
    {.name = "decrby",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyUpdate),
     .group = Group::kString,
     .since = "1.0.0",
     .syntax = "key decrement",
     .summary = "Decrements an integer.",
     .run = Data(DecrBy)},
    {.name = "incr",
     .arity = 2,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyUpdate),
     .group = Group::kString,
     .since = "1.0.0",
     .syntax = "key",
     .summary = "Increments an integer by one.",
     .run = Data(Incr)},
    {.name = "incrby",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyUpdate),
     .group = Group::kString,
     .since = "1.0.0",
     .syntax = "key increment",
     .summary = "Increments an integer.",
     .run = Data(IncrBy)},
    {.name = "incrbyfloat",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyUpdate),
     .group = Group::kString,
     .since = "2.6.0",
     .syntax = "key increment",
     .summary = "Increments a floating point number.",
     .run = Data(IncrByFloat)},
};
static_assert(RowsAreSound(kCounterCommands));

}  // namespace

std::span<const Command> CounterCommands() { return kCounterCommands; }

}  // namespace ringkv::server
