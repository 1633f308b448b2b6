// SPDX-License-Identifier: MIT
// Strings as whole values. What depends on the value stands in value_conditions.cc, what takes many keys in
// many_strings.cc.
#include "server/command/error_replies.h"
#include "server/command/expiry_time.h"
#include "server/command/long_steps.h"
#include "server/command/typed_key.h"
#include "server/command/value_condition.h"
#include "server/commands/families.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::kNoExpiry;
using storage::Place;
using storage::StringPut;
using storage::UnixMs;

void ReplyValue(DataCall& call, const Place& place) {
  if (place) {
    call.reply.Bulk(place.value());
  } else {
    call.reply.Null();
  }
}

// --- reading --------------------------------------------------------------------------------------------------------

void Get(DataCall& call) {
  const std::optional<Place> found = FindString(call, call.args[1], Intent::kRead);
  if (!found || (*found && call.TakesLong(StepsOfBytes(found->value().size())))) return;
  ReplyValue(call, *found);
}

// --- writing --------------------------------------------------------------------------------------------------------

struct SetOptions {
  bool if_missing = false;
  bool if_there = false;
  ValueCondition condition = {};
  bool get = false;
  bool keep_expiry = false;
  bool persist = false;
  Lifetime lifetime = {};
};

// The options behind SET's value. False on anything that doesn't belong together.
bool ParseSetOptions(Arguments& args, SetOptions* options) {
  while (!args.AtEnd()) {
    const bool has_lifetime = options->keep_expiry || options->lifetime.is_given();
    const bool has_condition = !options->condition.word.empty();
    if (!options->if_there && !has_condition && args.Take("NX")) {
      options->if_missing = true;
    } else if (!options->if_missing && !has_condition && args.Take("XX")) {
      options->if_there = true;
    } else if (!options->if_missing && !options->if_there && !has_condition && options->condition.Take(args)) {
      continue;
    } else if (args.Take("GET")) {
      options->get = true;
    } else if (!options->lifetime.is_given() && args.Take("KEEPTTL")) {
      options->keep_expiry = true;
    } else if (has_lifetime || !options->lifetime.Take(args)) {
      return false;
    }
  }
  return true;
}

void Set(DataCall& call) {
  const std::string_view key = call.args[1];
  const std::string_view value = call.args[2];
  SetOptions options;
  UnixMs expiry = kNoExpiry;
  if (call.args.size() > 3) {
    call.args.Skip(2);
    if (!ParseSetOptions(call.args, &options)) return call.reply.Error(errors::kSyntax);
    if (options.lifetime.is_given()) {
      const auto parsed = ParseExpiry(call, options.lifetime, "set");
      if (!parsed) return;
      expiry = *parsed;
    }
  }
  Place place = call.txn.Find(call.db, key, options.get ? Intent::kRead : Intent::kWrite);
  const bool is_read = options.get || !options.condition.word.empty();
  const bool is_string = place && place.entry().type() == storage::ValueType::kString;
  if (is_read && place && !is_string) return call.reply.Error(errors::kWrongType);
  if (place && !options.condition.IsSound(call)) return;
  if (call.TakesLong(StepsOfBytes(value.size()))) return;
  if (options.get) ReplyValue(call, place);
  if ((options.if_missing && place) || (options.if_there && !place) || !options.condition.Holds(place)) {
    if (!options.get) call.reply.Null();
    return;
  }
  if (options.keep_expiry) expiry = place.expiry();
  call.txn.Do(place, StringPut{value, expiry}, events::kSet);
  if (options.lifetime.is_given()) call.txn.Tell(place, events::kExpire);
  if (!options.get) call.reply.Ok();
}

// A condition on the value tells of it as GET does.
uint8_t SetKeyFlags(std::span<const std::string_view> argv) {
  for (size_t i = 3; i < argv.size(); ++i) {
    if (EqualsIgnoringCase(argv[i], "GET") || ValueCondition::IsWord(argv[i])) return kKeyRW | kKeyAccess | kKeyUpdate;
  }
  return kKeyOW | kKeyUpdate;
}

void SetNx(DataCall& call) {
  Place place = call.txn.Find(call.db, call.args[1], Intent::kWrite);
  if (!place) {
    call.txn.Do(place, StringPut{call.args[2]}, events::kSet);
    call.reply.Integer(1);
  } else {
    call.reply.Integer(0);
  }
}

void SetWithExpiry(DataCall& call, TimeUnit unit, std::string_view command) {
  const auto expiry = ParseExpiry(call, call.args[2], unit, PastTimes::kRefused, command);
  if (!expiry) return;
  Place place = call.txn.Find(call.db, call.args[1], Intent::kWrite);
  call.txn.Do(place, StringPut{call.args[3], *expiry}, events::kSet);
  call.txn.Tell(place, events::kExpire);
  call.reply.Ok();
}

void SetEx(DataCall& call) { SetWithExpiry(call, kInSeconds, "setex"); }
void PSetEx(DataCall& call) { SetWithExpiry(call, kInMilliseconds, "psetex"); }

void GetSet(DataCall& call) {
  std::optional<Place> found = FindString(call, call.args[1], Intent::kRead);
  if (!found) return;
  Place& place = *found;
  ReplyValue(call, place);
  call.txn.Do(place, StringPut{call.args[2]}, events::kSet);
}

void GetDel(DataCall& call) {
  std::optional<Place> found = FindString(call, call.args[1], Intent::kRead);
  if (!found) return;
  Place& place = *found;
  ReplyValue(call, place);
  if (place) call.txn.Do(place, storage::Erase{}, events::kDel);
}

void GetEx(DataCall& call) {
  SetOptions options;
  call.args.Skip(1);
  while (!call.args.AtEnd()) {
    const bool has_lifetime = options.persist || options.lifetime.is_given();
    if (!options.lifetime.is_given() && call.args.Take("PERSIST")) {
      options.persist = true;
    } else if (has_lifetime || !options.lifetime.Take(call.args)) {
      return call.reply.Error(errors::kSyntax);
    }
  }
  std::optional<Place> found = FindString(call, call.args[1], Intent::kRead);
  if (!found) return;
  Place& place = *found;
  if (!place) return call.reply.Null();
  UnixMs expiry = kNoExpiry;
  if (options.lifetime.is_given()) {
    const auto parsed = ParseExpiry(call, options.lifetime, "getex");
    if (!parsed) return;
    expiry = *parsed;
  }
  ReplyValue(call, place);
  if (options.lifetime.is_given() && options.lifetime.unit->is_absolute && call.txn.HasPassed(expiry)) {
    call.txn.Do(place, storage::Erase{}, events::kDel);
  } else if (options.lifetime.is_given() || (options.persist && place.entry().has_expiry())) {
    call.txn.Do(place, storage::ExpirySet{expiry}, options.persist ? events::kPersist : events::kExpire);
  }
}

constexpr Command kStringCommands[] = {
    {.name = "get",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kString,
     .since = "1.0.0",
     .syntax = "key",
     .summary = "Returns the string value of a key.",
     .run = Data(Get)},
    {.name = "getdel",
     .arity = 2,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .group = Group::kString,
     .since = "6.2.0",
     .syntax = "key",
     .summary = "Returns the string and deletes the key.",
     .run = Data(GetDel)},
    {.name = "getex",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = {kKeyRW | kKeyAccess | kKeyUpdate, 1, 1, 1, nullptr, "RW and UPDATE because it changes the TTL"},
     .group = Group::kString,
     .since = "6.2.0",
     .syntax = "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
     .summary = "Returns the string and sets the expiry of the key.",
     .run = Data(GetEx)},
    {.name = "getset",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyUpdate),
     .group = Group::kString,
     .since = "1.0.0",
     .syntax = "key value",
     .summary = "Stores a string and returns the previous one.",
     .run = Data(GetSet)},
    {.name = "psetex",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyOW | kKeyUpdate),
     .group = Group::kString,
     .since = "2.6.0",
     .syntax = "key milliseconds value",
     .summary = "Stores a string with an expiry in milliseconds.",
     .run = Data(PSetEx)},
    {.name = "set",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = {kKeyRW | kKeyAccess | kKeyUpdate, 1, 1, 1, SetKeyFlags,
              "RW and ACCESS due to the optional `GET` argument"},
     .group = Group::kString,
     .since = "1.0.0",
     .history = "8.1.0 IFEQ (Valkey); 8.4.0 IFEQ, IFNE, IFDEQ, IFDNE",
     .syntax = "key value [NX | XX | IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest] "
               "[GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT "
               "unix-time-milliseconds | KEEPTTL]",
     .summary = "Stores a string and replaces the previous value of any type.",
     .run = Data(Set)},
    {.name = "setex",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyOW | kKeyUpdate),
     .group = Group::kString,
     .since = "2.0.0",
     .syntax = "key seconds value",
     .summary = "Stores a string with an expiry in seconds.",
     .run = Data(SetEx)},
    {.name = "setnx",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyOW | kKeyInsert),
     .group = Group::kString,
     .since = "1.0.0",
     .syntax = "key value",
     .summary = "Stores a string if the key does not exist.",
     .run = Data(SetNx)},
};
static_assert(RowsAreSound(kStringCommands));

}  // namespace

std::span<const Command> StringCommands() { return kStringCommands; }

}  // namespace ringkv::server
