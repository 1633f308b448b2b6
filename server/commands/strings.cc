// SPDX-License-Identifier: MIT
// Strings as whole values.
#include <algorithm>
#include <iterator>
#include <string>

#include "server/command/digest.h"
#include "server/command/error_replies.h"
#include "server/command/expiry_time.h"
#include "server/command/long_steps.h"
#include "server/command/typed_key.h"
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

bool IsString(const Place& place) { return place.entry().type() == storage::ValueType::kString; }

// --- reading --------------------------------------------------------------------------------------------------------

void Get(DataCall& call) {
  const std::optional<Place> found = FindString(call, call.args[1], Intent::kRead);
  if (!found || (*found && call.TakesLong(StepsOfBytes(found->value().size())))) return;
  ReplyValue(call, *found);
}

void MGet(DataCall& call) {
  call.reply.Array(static_cast<int64_t>(call.args.size()) - 1);
  for (size_t i = 1; i < call.args.size(); ++i) {
    const Place place = call.txn.Find(call.db, call.args[i], Intent::kRead);
    if (place && !IsString(place)) {
      call.reply.Null();
    } else {
      ReplyValue(call, place);
    }
  }
}

// --- writing --------------------------------------------------------------------------------------------------------

// What the value must be, or not be, for a command to do something: the words of Redis 8.4.
struct ValueCondition {
  std::string_view word = {};  // empty: nothing is asked for
  std::string_view operand = {};

  static constexpr std::string_view kWords[] = {"IFEQ", "IFNE", "IFDEQ", "IFDNE"};
  static bool IsWord(std::string_view text) {
    return std::any_of(std::begin(kWords), std::end(kWords),
                       [text](std::string_view each) { return EqualsIgnoringCase(text, each); });
  }

  // Takes one of the words with its operand.
  bool Take(Arguments& args) {
    for (const std::string_view each : kWords) {
      if (!args.TakeWithValue(each)) continue;
      word = each;
      operand = args.Next();
      return true;
    }
    return false;
  }
  // A key that isn't there has no value: it is equal to nothing.
  bool Holds(const Place& place) const {
    if (word.empty()) return true;
    const bool by_digest = word[2] == 'D';
    const bool is_equal = place && (by_digest ? IsDigestOf(operand, place.value()) : operand == place.value());
    return is_equal == word.ends_with("EQ");
  }
};

struct SetOptions {
  bool if_missing = false;
  bool if_there = false;
  ValueCondition condition = {};
  bool get = false;
  bool keep_expiry = false;
  bool persist = false;
  const TimeUnit* unit = nullptr;
  std::string_view time;
};

bool TakeExpiry(Arguments& args, SetOptions* options) {
  static constexpr struct {
    std::string_view word;
    TimeUnit unit;
  } kUnits[] = {{"EX", kInSeconds}, {"PX", kInMilliseconds}, {"EXAT", kAtSecond}, {"PXAT", kAtMillisecond}};
  for (const auto& each : kUnits) {
    if (!args.TakeWithValue(each.word)) continue;
    options->unit = &each.unit;
    options->time = args.Next();
    return true;
  }
  return false;
}

// The options behind SET's value. False on anything that doesn't belong together.
bool ParseSetOptions(Arguments& args, SetOptions* options) {
  while (!args.AtEnd()) {
    const bool has_lifetime = options->keep_expiry || options->unit != nullptr;
    const bool has_condition = !options->condition.word.empty();
    if (!options->if_there && !has_condition && args.Take("NX")) {
      options->if_missing = true;
    } else if (!options->if_missing && !has_condition && args.Take("XX")) {
      options->if_there = true;
    } else if (!options->if_missing && !options->if_there && !has_condition && options->condition.Take(args)) {
      continue;
    } else if (args.Take("GET")) {
      options->get = true;
    } else if (options->unit == nullptr && args.Take("KEEPTTL")) {
      options->keep_expiry = true;
    } else if (has_lifetime || !TakeExpiry(args, options)) {
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
    if (options.unit != nullptr) {
      const auto parsed = ParseExpiry(call, options.time, *options.unit, PastTimes::kRefused, "set");
      if (!parsed) return;
      expiry = *parsed;
    }
  }
  Place place = call.txn.Find(call.db, key, options.get ? Intent::kRead : Intent::kWrite);
  const bool is_read = options.get || !options.condition.word.empty();
  if (is_read && place && !IsString(place)) return call.reply.Error(errors::kWrongType);
  if (call.TakesLong(StepsOfBytes(value.size()))) return;
  if (options.get) ReplyValue(call, place);
  if ((options.if_missing && place) || (options.if_there && !place) || !options.condition.Holds(place)) {
    if (!options.get) call.reply.Null();
    return;
  }
  if (options.keep_expiry) expiry = place.expiry();
  call.txn.Do(place, StringPut{value, expiry}, events::kSet);
  if (options.unit != nullptr) call.txn.Tell(place, events::kExpire);
  if (!options.get) call.reply.Ok();
}

void DelEx(DataCall& call) {
  ValueCondition condition;
  call.args.Skip(1);
  if (!call.args.AtEnd() && (!condition.Take(call.args) || !call.args.AtEnd())) {
    return call.reply.Error(errors::kSyntax);
  }
  std::optional<Place> found = FindString(call, call.args[1], Intent::kCheck);
  if (!found) return;
  Place& place = *found;
  const bool is_deleted = place && condition.Holds(place);
  if (is_deleted) call.txn.Do(place, storage::Erase{}, events::kDel);
  call.reply.Integer(is_deleted ? 1 : 0);
}

void Digest(DataCall& call) {
  const std::optional<Place> found = FindString(call, call.args[1], Intent::kRead);
  if (!found) return;
  const Place& place = *found;
  place ? call.reply.Bulk(DigestOf(place.value())) : call.reply.Null();
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
    const bool has_lifetime = options.persist || options.unit != nullptr;
    if (options.unit == nullptr && call.args.Take("PERSIST")) {
      options.persist = true;
    } else if (has_lifetime || !TakeExpiry(call.args, &options)) {
      return call.reply.Error(errors::kSyntax);
    }
  }
  std::optional<Place> found = FindString(call, call.args[1], Intent::kRead);
  if (!found) return;
  Place& place = *found;
  if (!place) return call.reply.Null();
  UnixMs expiry = kNoExpiry;
  if (options.unit != nullptr) {
    const auto parsed = ParseExpiry(call, options.time, *options.unit, PastTimes::kRefused, "getex");
    if (!parsed) return;
    expiry = *parsed;
  }
  ReplyValue(call, place);
  if (options.unit != nullptr && options.unit->is_absolute && call.txn.HasPassed(expiry)) {
    call.txn.Do(place, storage::Erase{}, events::kDel);
  } else if (options.unit != nullptr || (options.persist && place.entry().has_expiry())) {
    call.txn.Do(place, storage::ExpirySet{expiry}, options.persist ? events::kPersist : events::kExpire);
  }
}

void MSet(DataCall& call) {
  if (call.args.size() % 2 == 0) return call.reply.Error("ERR wrong number of arguments for 'mset' command");
  for (size_t i = 1; i < call.args.size(); i += 2) {
    Place place = call.txn.Find(call.db, call.args[i], Intent::kWrite);
    call.txn.Do(place, StringPut{call.args[i + 1]}, events::kSet);
  }
  call.reply.Ok();
}

void MSetNx(DataCall& call) {
  if (call.args.size() % 2 == 0) return call.reply.Error("ERR wrong number of arguments for 'msetnx' command");
  for (size_t i = 1; i < call.args.size(); i += 2) {
    if (call.txn.Find(call.db, call.args[i], Intent::kWrite)) return call.reply.Integer(0);
  }
  for (size_t i = 1; i < call.args.size(); i += 2) {
    Place place = call.txn.Find(call.db, call.args[i], Intent::kWrite);
    call.txn.Do(place, StringPut{call.args[i + 1]}, events::kSet);
  }
  call.reply.Integer(1);
}

constexpr Command kStringCommands[] = {
    {.name = "delex",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .group = Group::kString,
     .since = "8.4.0",
     .complexity = "O(1); by a value, its length; by a digest, that of what is there",
     .syntax = "key [IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest]",
     .summary = "Deletes a string on a condition on its value.",
     .run = Data(DelEx)},
    {.name = "digest",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kString,
     .since = "8.4.0",
     .complexity = "O(n) in the length of the string",
     .syntax = "key",
     .summary = "Returns the digest of a string: XXH3 with 64 bits, in hexadecimal digits.",
     .run = Data(Digest)},
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
    {.name = "mget",
     .arity = -2,
     .flags = kReadOnly | kFast,
     .keys = KeysToEnd(kKeyRO | kKeyAccess),
     .joinable = {Spread::kEachKey, Join::kArrays},
     .group = Group::kString,
     .tips = "request_policy:multi_shard",
     .since = "1.0.0",
     .complexity = "O(N) in the number of keys",
     .syntax = "key [key ...]",
     .summary = "Returns the string values of several keys.",
     .run = Data(MGet)},
    {.name = "mset",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = KeysToEnd(kKeyOW | kKeyUpdate, 1, 2),
     .joinable = {Spread::kEachKeyValue, Join::kAllOk},
     .group = Group::kString,
     .tips = "request_policy:multi_shard response_policy:all_succeeded",
     .since = "1.0.1",
     .complexity = "O(N) in the number of keys",
     .syntax = "key value [key value ...]",
     .summary = "Stores several strings atomically.",
     .run = Data(MSet)},
    {.name = "msetnx",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = KeysToEnd(kKeyOW | kKeyInsert, 1, 2),
     .group = Group::kString,
     .tips = "request_policy:multi_shard response_policy:agg_min",
     .since = "1.0.1",
     .complexity = "O(N) in the number of keys",
     .syntax = "key value [key value ...]",
     .summary = "Stores several strings atomically if none of the keys exists.",
     .run = Data(MSetNx)},
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
