// SPDX-License-Identifier: MIT
// Strings of several keys at once.
#include "server/command/error_replies.h"
#include "server/command/expiry_time.h"
#include "server/commands/families.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::Place;
using storage::StringPut;

void MGet(DataCall& call) {
  call.reply.Array(static_cast<int64_t>(call.args.size()) - 1);
  for (size_t i = 1; i < call.args.size(); ++i) {
    const Place place = call.txn.Find(call.db, call.args[i], Intent::kRead);
    const bool is_string = place && place.entry().type() == storage::ValueType::kString;
    is_string ? call.reply.Bulk(place.value()) : call.reply.Null();
  }
}

void MSet(DataCall& call) {
  if (call.args.size() % 2 == 0) return call.reply.Error(errors::WrongArity("mset"));
  for (size_t i = 1; i < call.args.size(); i += 2) {
    Place place = call.txn.Find(call.db, call.args[i], Intent::kWrite);
    call.txn.Do(place, StringPut{call.args[i + 1]}, events::kSet);
  }
  call.reply.Ok();
}

void MSetNx(DataCall& call) {
  if (call.args.size() % 2 == 0) return call.reply.Error(errors::WrongArity("msetnx"));
  for (size_t i = 1; i < call.args.size(); i += 2) {
    if (call.txn.Find(call.db, call.args[i], Intent::kWrite)) return call.reply.Integer(0);
  }
  for (size_t i = 1; i < call.args.size(); i += 2) {
    Place place = call.txn.Find(call.db, call.args[i], Intent::kWrite);
    call.txn.Do(place, StringPut{call.args[i + 1]}, events::kSet);
  }
  call.reply.Integer(1);
}

// --- MSETEX ---------------------------------------------------------------------------------------------------------

struct CommonOptions {
  bool if_missing = false;  // all of them
  bool if_there = false;    // likewise
  bool keep_expiry = false;
  Lifetime lifetime = {};
};

// The options behind the values. False on anything that doesn't belong together.
bool ParseCommonOptions(Arguments& args, CommonOptions* options) {
  while (!args.AtEnd()) {
    const bool has_lifetime = options->keep_expiry || options->lifetime.is_given();
    if (!options->if_there && args.Take("NX")) {
      options->if_missing = true;
    } else if (!options->if_missing && args.Take("XX")) {
      options->if_there = true;
    } else if (!options->lifetime.is_given() && args.Take("KEEPTTL")) {
      options->keep_expiry = true;
    } else if (has_lifetime || !options->lifetime.Take(args)) {
      return false;
    }
  }
  return true;
}

// Whether all keys are as the options want them: those at every second argument.
bool AreAsWanted(DataCall& call, const CommonOptions& options, size_t first, size_t end) {
  if (!options.if_missing && !options.if_there) return true;
  for (size_t i = first; i < end; i += 2) {
    const bool is_there = static_cast<bool>(call.txn.Find(call.db, call.args[i], Intent::kWrite));
    if (is_there != options.if_there) return false;
  }
  return true;
}

void MSetEx(DataCall& call) {
  const std::optional<int64_t> pairs = resp::ParseInteger(call.args[1]);
  if (!pairs || *pairs < 1 || *pairs > INT32_MAX) return call.reply.Error("ERR invalid numkeys value");
  constexpr size_t kFirst = 2;
  const size_t end = kFirst + 2 * static_cast<size_t>(*pairs);
  if (end > call.args.size()) return call.reply.Error("ERR wrong number of key-value pairs");
  call.args.Skip(end - 1);
  CommonOptions options;
  if (!ParseCommonOptions(call.args, &options)) return call.reply.Error(errors::kSyntax);
  storage::UnixMs expiry = storage::kNoExpiry;
  if (options.lifetime.is_given()) {
    const auto parsed = ParseExpiry(call, options.lifetime, "msetex");
    if (!parsed) return;
    expiry = *parsed;
  }
  if (!AreAsWanted(call, options, kFirst, end)) return call.reply.Integer(0);
  for (size_t i = kFirst; i < end; i += 2) {
    Place place = call.txn.Find(call.db, call.args[i], Intent::kWrite);
    call.txn.Do(place, StringPut{call.args[i + 1], options.keep_expiry ? place.expiry() : expiry}, events::kSet);
    if (options.lifetime.is_given()) call.txn.Tell(place, events::kExpire);
  }
  call.reply.Integer(1);
}

constexpr Command kManyStringCommands[] = {
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
    {.name = "msetex",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .keys = {.flags = kKeyOW | kKeyUpdate, .first = 2, .step = 2, .search = KeySearch::kCounted},
     .group = Group::kString,
     .tips = "request_policy:multi_shard response_policy:all_succeeded",
     .since = "8.4.0",
     .complexity = "O(N) in the number of keys",
     .syntax = "numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
               "PXAT unix-time-milliseconds | KEEPTTL]",
     .summary = "Stores several strings atomically, with one expiry for all, if all or none of the keys exist.",
     .run = Data(MSetEx)},
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
};
static_assert(RowsAreSound(kManyStringCommands));

}  // namespace

std::span<const Command> ManyStringCommands() { return kManyStringCommands; }

}  // namespace ringkv::server
