// SPDX-License-Identifier: MIT
// How long fields of hashes live.
#include <optional>

#include "server/command/expiry_time.h"
#include "server/commands/families.h"
#include "server/commands/hash_access.h"
#include "server/commands/hash_expiry_arguments.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::HashErase;
using storage::HashField;
using storage::HashFieldExpirySet;
using storage::Intent;
using storage::kNoExpiry;
using storage::Place;
using storage::UnixMs;

// What is said of each field.
constexpr int64_t kNoField = -2;
constexpr int64_t kNoFieldExpiry = -1;  // it does not expire
constexpr int64_t kConditionNotMet = 0;
constexpr int64_t kExpirySet = 1;
constexpr int64_t kFieldErased = 2;  // because that time is over

// --- HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT -----------------------------------------------------------------------

enum class FieldCondition : uint8_t { kNone, kIfNone, kIfSome, kIfGreater, kIfLess };

FieldCondition TakeFieldCondition(Arguments& args) {
  if (args.Take("NX")) return FieldCondition::kIfNone;
  if (args.Take("XX")) return FieldCondition::kIfSome;
  if (args.Take("GT")) return FieldCondition::kIfGreater;
  if (args.Take("LT")) return FieldCondition::kIfLess;
  return FieldCondition::kNone;
}

// A field that lives for ever counts as one that lives infinitely long.
bool FieldConditionHolds(FieldCondition condition, UnixMs current, UnixMs wanted) {
  switch (condition) {
    case FieldCondition::kNone: return true;
    case FieldCondition::kIfNone: return current == kNoExpiry;
    case FieldCondition::kIfSome: return current != kNoExpiry;
    case FieldCondition::kIfGreater: return current != kNoExpiry && wanted > current;
    case FieldCondition::kIfLess: return current == kNoExpiry || wanted < current;
  }
  return true;
}

int64_t SetFieldExpiry(DataCall& call, Place& place, std::string_view name, FieldCondition condition, UnixMs expiry) {
  const std::optional<HashField> field = Shown(call, place).FindField(name);
  if (!field) return kNoField;
  if (!FieldConditionHolds(condition, field->expiry, expiry)) return kConditionNotMet;
  if (call.txn.HasPassed(expiry)) {
    call.txn.Do(place, HashErase{name}, events::kHDel);
    return kFieldErased;
  }
  call.txn.Do(place, HashFieldExpirySet{name, expiry}, events::kHExpire);
  return kExpirySet;
}

void SetFieldExpiries(DataCall& call, TimeUnit unit, std::string_view command) {
  std::optional<Place> found = FindHash(call, Intent::kWrite);
  if (!found) return;
  const std::optional<UnixMs> expiry = ParseFieldExpiry(call, call.args[2], unit, command);
  if (!expiry) return;
  call.args.Skip(2);
  const FieldCondition condition = TakeFieldCondition(call.args);
  const auto fields = ParseFields(call, command, "ERR Parameter `numFields` should be greater than 0");
  if (!fields) return;
  call.reply.Array(static_cast<int64_t>(fields->size()));
  for (const std::string_view field : *fields) {
    call.reply.Integer(SetFieldExpiry(call, *found, field, condition, *expiry));
  }
}

void HExpire(DataCall& call) { SetFieldExpiries(call, kInSeconds, "hexpire"); }
void HPExpire(DataCall& call) { SetFieldExpiries(call, kInMilliseconds, "hpexpire"); }
void HExpireAt(DataCall& call) { SetFieldExpiries(call, kAtSecond, "hexpireat"); }
void HPExpireAt(DataCall& call) { SetFieldExpiries(call, kAtMillisecond, "hpexpireat"); }

// --- HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME, HPERSIST ---------------------------------------------------------------

// Replies with `shown(expiry)` of each field that has one.
template <typename Show>
void ReplyFieldExpiries(DataCall& call, std::string_view command, Show&& shown) {
  const std::optional<Place> found = FindHash(call, Intent::kRead);
  if (!found) return;
  call.args.Skip(1);
  const auto fields = ParseFields(call, command);
  if (!fields) return;
  call.reply.Array(static_cast<int64_t>(fields->size()));
  for (const std::string_view name : *fields) {
    const std::optional<HashField> field = Shown(call, *found).FindField(name);
    const bool expires = field && field->expiry != kNoExpiry;
    call.reply.Integer(expires ? shown(field->expiry) : field ? kNoFieldExpiry : kNoField);
  }
}

// Rounded up.
int64_t SecondsOf(int64_t milliseconds) { return (milliseconds + 999) / 1000; }

void HTtl(DataCall& call) {
  ReplyFieldExpiries(call, "httl", [&](UnixMs expiry) { return SecondsOf(TimeLeft(expiry, call.txn.now())); });
}
void HPTtl(DataCall& call) {
  ReplyFieldExpiries(call, "hpttl", [&](UnixMs expiry) { return TimeLeft(expiry, call.txn.now()); });
}
void HExpireTime(DataCall& call) { ReplyFieldExpiries(call, "hexpiretime", SecondsOf); }
void HPExpireTime(DataCall& call) {
  ReplyFieldExpiries(call, "hpexpiretime", [](UnixMs expiry) { return expiry; });
}

void HPersist(DataCall& call) {
  std::optional<Place> found = FindHash(call, Intent::kWrite);
  if (!found) return;
  call.args.Skip(1);
  const auto fields = ParseFields(call, "hpersist");
  if (!fields) return;
  call.reply.Array(static_cast<int64_t>(fields->size()));
  for (const std::string_view name : *fields) {
    const std::optional<HashField> field = Shown(call, *found).FindField(name);
    const bool expires = field && field->expiry != kNoExpiry;
    if (expires) call.txn.Do(*found, HashFieldExpirySet{name, kNoExpiry}, events::kHPersist);
    call.reply.Integer(expires ? kExpirySet : field ? kNoFieldExpiry : kNoField);
  }
}

constexpr KeySpec kFieldsChanged = OneKey(kKeyRW | kKeyUpdate);
constexpr KeySpec kFieldsRead = OneKey(kKeyRO | kKeyAccess);
constexpr std::string_view kPerGivenField = "O(N) in the number of fields given";

constexpr Command kHashExpiryCommands[] = {
    {.name = "hexpire",
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kFieldsChanged,
     .group = Group::kHash,
     .since = "7.4.0",
     .complexity = kPerGivenField,
     .syntax = "key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
     .summary = "Sets the expiry of fields in seconds.",
     .run = Data(HExpire)},
    {.name = "hexpireat",
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kFieldsChanged,
     .group = Group::kHash,
     .since = "7.4.0",
     .complexity = kPerGivenField,
     .syntax = "key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
     .summary = "Sets the expiry of fields to a Unix time in seconds.",
     .run = Data(HExpireAt)},
    {.name = "hexpiretime",
     .arity = -5,
     .flags = kReadOnly | kFast,
     .keys = kFieldsRead,
     .group = Group::kHash,
     .since = "7.4.0",
     .complexity = kPerGivenField,
     .syntax = "key FIELDS numfields field [field ...]",
     .summary = "Returns the expiry of fields as Unix times in seconds.",
     .run = Data(HExpireTime)},
    {.name = "hpersist",
     .arity = -5,
     .flags = kWrite | kFast,
     .keys = kFieldsChanged,
     .group = Group::kHash,
     .since = "7.4.0",
     .complexity = kPerGivenField,
     .syntax = "key FIELDS numfields field [field ...]",
     .summary = "Removes the expiry of fields.",
     .run = Data(HPersist)},
    {.name = "hpexpire",
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kFieldsChanged,
     .group = Group::kHash,
     .since = "7.4.0",
     .complexity = kPerGivenField,
     .syntax = "key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
     .summary = "Sets the expiry of fields in milliseconds.",
     .run = Data(HPExpire)},
    {.name = "hpexpireat",
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kFieldsChanged,
     .group = Group::kHash,
     .since = "7.4.0",
     .complexity = kPerGivenField,
     .syntax = "key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
     .summary = "Sets the expiry of fields to a Unix time in milliseconds.",
     .run = Data(HPExpireAt)},
    {.name = "hpexpiretime",
     .arity = -5,
     .flags = kReadOnly | kFast,
     .keys = kFieldsRead,
     .group = Group::kHash,
     .since = "7.4.0",
     .complexity = kPerGivenField,
     .syntax = "key FIELDS numfields field [field ...]",
     .summary = "Returns the expiry of fields as Unix times in milliseconds.",
     .run = Data(HPExpireTime)},
    {.name = "hpttl",
     .arity = -5,
     .flags = kReadOnly | kFast,
     .keys = kFieldsRead,
     .group = Group::kHash,
     .tips = "nondeterministic_output",
     .since = "7.4.0",
     .complexity = kPerGivenField,
     .syntax = "key FIELDS numfields field [field ...]",
     .summary = "Returns how long fields have to live, in milliseconds.",
     .run = Data(HPTtl)},
    {.name = "httl",
     .arity = -5,
     .flags = kReadOnly | kFast,
     .keys = kFieldsRead,
     .group = Group::kHash,
     .tips = "nondeterministic_output",
     .since = "7.4.0",
     .complexity = kPerGivenField,
     .syntax = "key FIELDS numfields field [field ...]",
     .summary = "Returns how long fields have to live, in seconds.",
     .run = Data(HTtl)},
};
static_assert(RowsAreSound(kHashExpiryCommands));

}  // namespace

std::span<const Command> HashExpiryCommands() { return kHashExpiryCommands; }

}  // namespace ringkv::server
