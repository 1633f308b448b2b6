// SPDX-License-Identifier: MIT
// How long keys live.
#include <string>

#include "server/command/error_replies.h"
#include "server/command/expiry_time.h"
#include "server/commands/families.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::kNoExpiry;
using storage::Place;
using storage::UnixMs;

struct ExpireConditions {
  bool if_none = false;     // NX
  bool if_some = false;     // XX
  bool if_greater = false;  // GT
  bool if_less = false;     // LT
};

bool ParseConditions(DataCall& call, ExpireConditions* conditions) {
  call.args.Skip(2);
  while (!call.args.AtEnd()) {
    if (call.args.Take("NX")) {
      conditions->if_none = true;
    } else if (call.args.Take("XX")) {
      conditions->if_some = true;
    } else if (call.args.Take("GT")) {
      conditions->if_greater = true;
    } else if (call.args.Take("LT")) {
      conditions->if_less = true;
    } else {
      call.reply.Error("ERR Unsupported option " + std::string(call.args.Next()));
      return false;
    }
  }
  if (conditions->if_none && (conditions->if_some || conditions->if_greater || conditions->if_less)) {
    call.reply.Error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return false;
  }
  if (conditions->if_greater && conditions->if_less) {
    call.reply.Error("ERR GT and LT options at the same time are not compatible");
    return false;
  }
  return true;
}

// A key that lives for ever counts as one that lives infinitely long.
bool ConditionsHold(const ExpireConditions& conditions, UnixMs current, UnixMs wanted) {
  if (conditions.if_none && current != kNoExpiry) return false;
  if (conditions.if_some && current == kNoExpiry) return false;
  if (conditions.if_greater && (current == kNoExpiry || wanted <= current)) return false;
  if (conditions.if_less && current != kNoExpiry && wanted >= current) return false;
  return true;
}

void SetExpiry(DataCall& call, TimeUnit unit, std::string_view command) {
  const std::string_view time = call.args[2];
  ExpireConditions conditions;
  if (!ParseConditions(call, &conditions)) return;
  const auto expiry = ParseExpiry(call, time, unit, PastTimes::kAllowed, command);
  if (!expiry) return;
  Place place = call.txn.Find(call.db, call.args[1], Intent::kWrite);
  if (!place || !ConditionsHold(conditions, place.expiry(), *expiry)) return call.reply.Integer(0);
  if (call.txn.HasPassed(*expiry)) {
    call.txn.Do(place, storage::Erase{}, events::kDel);
  } else {
    call.txn.Do(place, storage::ExpirySet{*expiry}, events::kExpire);
  }
  call.reply.Integer(1);
}

void Expire(DataCall& call) { SetExpiry(call, kInSeconds, "expire"); }
void PExpire(DataCall& call) { SetExpiry(call, kInMilliseconds, "pexpire"); }
void ExpireAt(DataCall& call) { SetExpiry(call, kAtSecond, "expireat"); }
void PExpireAt(DataCall& call) { SetExpiry(call, kAtMillisecond, "pexpireat"); }

constexpr int64_t kMissing = -2;
constexpr int64_t kForEver = -1;

// What is asked of a key's expiry: -2 without the key, -1 without an expiry.
template <typename Shown>
void ReplyExpiry(DataCall& call, Shown&& shown) {
  const Place place = call.txn.Find(call.db, call.args[1], Intent::kPeek);
  if (!place) return call.reply.Integer(kMissing);
  call.reply.Integer(place.expiry() == kNoExpiry ? kForEver : shown(place.expiry()));
}

void Ttl(DataCall& call) {
  ReplyExpiry(call, [&](UnixMs expiry) { return (TimeLeft(expiry, call.txn.now()) + 500) / 1000; });
}
void PTtl(DataCall& call) {
  ReplyExpiry(call, [&](UnixMs expiry) { return TimeLeft(expiry, call.txn.now()); });
}
void ExpireTime(DataCall& call) {
  // Rounded without leaving the range.
  ReplyExpiry(call, [](UnixMs expiry) { return expiry / 1000 + (expiry % 1000 >= 500 ? 1 : 0); });
}
void PExpireTime(DataCall& call) {
  ReplyExpiry(call, [](UnixMs expiry) { return expiry; });
}

void Persist(DataCall& call) {
  Place place = call.txn.Find(call.db, call.args[1], Intent::kWrite);
  if (!place || !place.entry().has_expiry()) return call.reply.Integer(0);
  call.txn.Do(place, storage::ExpirySet{kNoExpiry}, events::kPersist);
  call.reply.Integer(1);
}

constexpr KeySpec kChanged = OneKey(kKeyRW | kKeyUpdate);
constexpr KeySpec kRead = OneKey(kKeyRO | kKeyAccess);

constexpr Command kExpiryCommands[] = {
    {.name = "expire",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kChanged,
     .group = Group::kGeneric,
     .since = "1.0.0",
     .syntax = "key seconds [NX | XX | GT | LT]",
     .summary = "Sets the expiry of a key in seconds.",
     .run = Data(Expire)},
    {.name = "expireat",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kChanged,
     .group = Group::kGeneric,
     .since = "1.2.0",
     .syntax = "key unix-time-seconds [NX | XX | GT | LT]",
     .summary = "Sets the expiry of a key to a Unix time in seconds.",
     .run = Data(ExpireAt)},
    {.name = "expiretime",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kRead,
     .group = Group::kGeneric,
     .since = "7.0.0",
     .syntax = "key",
     .summary = "Returns the expiry of a key as a Unix time in seconds.",
     .run = Data(ExpireTime)},
    {.name = "persist",
     .arity = 2,
     .flags = kWrite | kFast,
     .keys = kChanged,
     .group = Group::kGeneric,
     .since = "2.2.0",
     .syntax = "key",
     .summary = "Removes the expiry of a key.",
     .run = Data(Persist)},
    {.name = "pexpire",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kChanged,
     .group = Group::kGeneric,
     .since = "2.6.0",
     .syntax = "key milliseconds [NX | XX | GT | LT]",
     .summary = "Sets the expiry of a key in milliseconds.",
     .run = Data(PExpire)},
    {.name = "pexpireat",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kChanged,
     .group = Group::kGeneric,
     .since = "2.6.0",
     .syntax = "key unix-time-milliseconds [NX | XX | GT | LT]",
     .summary = "Sets the expiry of a key to a Unix time in milliseconds.",
     .run = Data(PExpireAt)},
    {.name = "pexpiretime",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kRead,
     .group = Group::kGeneric,
     .since = "7.0.0",
     .syntax = "key",
     .summary = "Returns the expiry of a key as a Unix time in milliseconds.",
     .run = Data(PExpireTime)},
    {.name = "pttl",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kRead,
     .group = Group::kGeneric,
     .tips = "nondeterministic_output",
     .since = "2.6.0",
     .syntax = "key",
     .summary = "Returns the remaining time to live of a key in milliseconds.",
     .run = Data(PTtl)},
    {.name = "ttl",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = kRead,
     .group = Group::kGeneric,
     .tips = "nondeterministic_output",
     .since = "1.0.0",
     .syntax = "key",
     .summary = "Returns the remaining time to live of a key in seconds.",
     .run = Data(Ttl)},
};
static_assert(RowsAreSound(kExpiryCommands));

}  // namespace

std::span<const Command> ExpiryCommands() { return kExpiryCommands; }

}  // namespace ringkv::server
