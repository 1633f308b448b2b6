// SPDX-License-Identifier: MIT
// Deletion on a condition on the value, and the digest that a condition may name. SET has the same conditions.
#include "server/command/digest.h"
#include "server/command/error_replies.h"
#include "server/command/typed_key.h"
#include "server/command/value_condition.h"
#include "server/commands/families.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::Place;

void DeleteIf(DataCall& call, Place& place, bool is_wanted) {
  const bool is_deleted = place && is_wanted;
  if (is_deleted) call.txn.Do(place, storage::Erase{}, events::kDel);
  call.reply.Integer(is_deleted ? 1 : 0);
}

// The order in which Redis refuses: the number of arguments, a key that isn't there, its type, the condition.
void DelEx(DataCall& call) {
  if (call.args.size() != 2 && call.args.size() != 4) return call.reply.Error(errors::WrongArity("delex"));
  Place place = call.txn.Find(call.db, call.args[1], Intent::kCheck);
  ValueCondition condition;
  call.args.Skip(1);
  if (!place || call.args.AtEnd()) return DeleteIf(call, place, true);
  if (place.entry().type() != storage::ValueType::kString) return call.reply.Error(errors::kConditionOnString);
  if (!condition.Take(call.args)) {
    return call.reply.Error("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
  }
  if (condition.IsSound(call)) DeleteIf(call, place, condition.Holds(place));
}

// DELEX with IFEQ, as Valkey has it.
void DelIfEq(DataCall& call) {
  std::optional<Place> found = FindString(call, call.args[1], Intent::kCheck);
  if (found) DeleteIf(call, *found, *found && found->value() == call.args[2]);
}

void Digest(DataCall& call) {
  const std::optional<Place> found = FindString(call, call.args[1], Intent::kRead);
  if (!found) return;
  const Place& place = *found;
  place ? call.reply.Bulk(DigestOf(place.value())) : call.reply.Null();
}

constexpr Command kValueConditionCommands[] = {
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
    {.name = "delifeq",
     .arity = 3,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRM | kKeyAccess | kKeyDelete),
     .group = Group::kString,
     .since = "9.0.0",
     .complexity = "O(1); and the length of the value",
     .syntax = "key value",
     .summary = "Deletes a string if this is its value.",
     .run = Data(DelIfEq)},
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
};
static_assert(RowsAreSound(kValueConditionCommands));

}  // namespace

std::span<const Command> ValueConditionCommands() { return kValueConditionCommands; }

}  // namespace ringkv::server
