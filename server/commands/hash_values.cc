// SPDX-License-Identifier: MIT
// Values of fields together with how long they live, or with their end: HGETEX, HSETEX, HGETDEL.
#include <optional>
#include <string>

#include "resp/integer_text.h"
#include "server/base/text.h"
#include "server/command/error_replies.h"
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
using storage::HashPut;
using storage::Intent;
using storage::kNoExpiry;
using storage::Place;
using storage::UnixMs;

void HGetDel(DataCall& call) {
  std::optional<Place> found = FindHash(call, Intent::kWrite);
  if (!found) return;
  call.args.Skip(1);
  const auto fields = ParseFields(call, "hgetdel");
  if (!fields) return;
  call.reply.Array(static_cast<int64_t>(fields->size()));
  for (const std::string_view name : *fields) {
    const std::optional<HashField> field = Shown(call, *found).FindField(name);
    field ? call.reply.Bulk(field->value) : call.reply.Null();
    if (field) call.txn.Do(*found, HashErase{name}, events::kHDel);
  }
}

// --- HGETEX ---------------------------------------------------------------------------------------------------------

// What becomes of the expiry of fields that are read.
struct FieldsNewExpiry {
  bool changes = false;
  UnixMs expiry = kNoExpiry;
};

std::optional<FieldsNewExpiry> ParseFieldsNewExpiry(DataCall& call) {
  if (call.args.Take("PERSIST")) return FieldsNewExpiry{.changes = true};
  const TimeUnit* const unit = TimeUnitOf(call.args.Peek());
  if (!unit) return FieldsNewExpiry{};
  call.args.Skip(1);
  const std::optional<UnixMs> expiry = ParseFieldExpiry(call, call.args.Next(), *unit, "hgetex");
  if (!expiry) return std::nullopt;
  return FieldsNewExpiry{.changes = true, .expiry = *expiry};
}

void ChangeFieldExpiry(DataCall& call, Place& place, std::string_view name, UnixMs before, UnixMs expiry) {
  if (expiry == kNoExpiry) {
    if (before != kNoExpiry) call.txn.Do(place, HashFieldExpirySet{name, kNoExpiry}, events::kHPersist);
  } else if (call.txn.HasPassed(expiry)) {
    call.txn.Do(place, HashErase{name}, events::kHDel);
  } else {
    call.txn.Do(place, HashFieldExpirySet{name, expiry}, events::kHExpire);
  }
}

void HGetEx(DataCall& call) {
  std::optional<Place> found = FindHash(call, Intent::kWrite);
  if (!found) return;
  call.args.Skip(1);
  const std::optional<FieldsNewExpiry> wanted = ParseFieldsNewExpiry(call);
  if (!wanted) return;
  const auto fields = ParseFields(call, "hgetex");
  if (!fields) return;
  call.reply.Array(static_cast<int64_t>(fields->size()));
  for (const std::string_view name : *fields) {
    const std::optional<HashField> field = Shown(call, *found).FindField(name);
    field ? call.reply.Bulk(field->value) : call.reply.Null();
    if (field && wanted->changes) ChangeFieldExpiry(call, *found, name, field->expiry, wanted->expiry);
  }
}

// --- HSETEX ---------------------------------------------------------------------------------------------------------

enum class Presence : uint8_t { kAny, kAbsent, kThere };

struct SetFieldsOptions {
  Presence key = Presence::kAny;     // NX, XX: of Valkey
  Presence fields = Presence::kAny;  // FNX, FXX: of all of them
  bool keeps_expiry = false;
  std::optional<UnixMs> expiry = {};
  Arguments::View pairs = {};
};

bool SetPresence(DataCall& call, Presence wanted, std::string_view error, Presence* presence) {
  if (*presence != Presence::kAny) {
    call.reply.Error(error);
    return false;
  }
  *presence = wanted;
  return true;
}

// What stands behind FIELDS: their number, and each with its value.
bool ParsePairs(DataCall& call, SetFieldsOptions* options) {
  if (call.args.Left() < 3) {
    call.reply.Error(errors::WrongArity("hsetex"));
    return false;
  }
  const std::optional<int64_t> count = resp::ParseInteger(call.args.Next());
  if (!count || *count < 1 || *count > INT32_MAX) {
    call.reply.Error("ERR invalid number of fields");
    return false;
  }
  if (call.args.Left() != 2 * static_cast<uint64_t>(*count)) {
    call.reply.Error(errors::WrongArity("hsetex"));
    return false;
  }
  options->pairs = call.args.all().last(call.args.Left());
  return true;
}

bool ParseExpiryOption(DataCall& call, SetFieldsOptions* options) {
  const std::string_view word = call.args.Next();
  const TimeUnit* const unit = TimeUnitOf(word);
  const bool keeps = EqualsIgnoringCase(word, "KEEPTTL");
  if (!unit && !keeps) {
    call.reply.Error("ERR unknown argument: " + std::string(word));
    return false;
  }
  if (options->expiry || options->keeps_expiry) {
    call.reply.Error("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
    return false;
  }
  options->keeps_expiry = keeps;
  if (keeps) return true;
  if (call.args.AtEnd()) {
    call.reply.Error("ERR missing expire time");
    return false;
  }
  options->expiry = ParseFieldExpiry(call, call.args.Next(), *unit, "hsetex");
  return options->expiry.has_value();
}

std::optional<SetFieldsOptions> ParseSetFieldsOptions(DataCall& call) {
  constexpr std::string_view kOneOfFields = "ERR Only one of FXX or FNX arguments can be specified";
  constexpr std::string_view kOneOfKey = "ERR Only one of XX or NX arguments can be specified";
  SetFieldsOptions options;
  call.args.Skip(1);
  bool is_good = true;
  while (is_good && !call.args.AtEnd()) {
    if (call.args.Take("FIELDS")) {
      if (!ParsePairs(call, &options)) return std::nullopt;
      return options;
    }
    if (call.args.Take("FNX")) {
      is_good = SetPresence(call, Presence::kAbsent, kOneOfFields, &options.fields);
    } else if (call.args.Take("FXX")) {
      is_good = SetPresence(call, Presence::kThere, kOneOfFields, &options.fields);
    } else if (call.args.Take("NX")) {
      is_good = SetPresence(call, Presence::kAbsent, kOneOfKey, &options.key);
    } else if (call.args.Take("XX")) {
      is_good = SetPresence(call, Presence::kThere, kOneOfKey, &options.key);
    } else {
      is_good = ParseExpiryOption(call, &options);
    }
  }
  if (is_good) call.reply.Error(errors::WrongArity("hsetex"));
  return std::nullopt;
}

bool IsPresentAs(Presence wanted, bool is_there) {
  return wanted == Presence::kAny || (wanted == Presence::kThere) == is_there;
}

bool PresenceIsPresentAsWanted(DataCall& call, Place& place, const SetFieldsOptions& options) {
  if (!IsPresentAs(options.key, static_cast<bool>(place))) return false;
  if (options.fields == Presence::kAny) return true;
  for (size_t i = 0; i < options.pairs.size(); i += 2) {
    EraseIfExpired(call, place, options.pairs[i]);
    if (!IsPresentAs(options.fields, Shown(call, place).Find(options.pairs[i]).has_value())) return false;
  }
  return true;
}

// Fields that would expire at once are set and gone, whatever there was.
void SetAndErase(DataCall& call, Place& place, Arguments::View pairs) {
  const bool was_there = static_cast<bool>(place);
  call.txn.Tell(place, events::kHSet);
  call.txn.Tell(place, events::kHDel);
  for (size_t i = 0; i < pairs.size() && place; i += 2) call.txn.Do(place, HashErase{pairs[i]}, events::kHDel);
  if (!was_there) call.txn.Tell(place, events::kDel);
}

void SetFields(DataCall& call, Place& place, const SetFieldsOptions& options) {
  for (size_t i = 0; i < options.pairs.size(); i += 2) {
    const std::string_view name = options.pairs[i];
    UnixMs expiry = options.expiry.value_or(kNoExpiry);
    if (options.keeps_expiry) {
      const std::optional<HashField> before = Shown(call, place).FindField(name);
      if (before) expiry = before->expiry;
    }
    call.txn.Do(place, HashPut{name, options.pairs[i + 1], expiry}, events::kHSet);
  }
  if (options.expiry) call.txn.Tell(place, events::kHExpire);
}

void HSetEx(DataCall& call) {
  const std::optional<SetFieldsOptions> options = ParseSetFieldsOptions(call);
  if (!options) return;
  std::optional<Place> found = FindHash(call, Intent::kWrite);
  if (!found) return;
  if (!PresenceIsPresentAsWanted(call, *found, *options)) return call.reply.Integer(0);
  if (options->expiry && call.txn.HasPassed(*options->expiry)) {
    SetAndErase(call, *found, options->pairs);
  } else {
    SetFields(call, *found, *options);
  }
  call.reply.Integer(1);
}

constexpr Command kHashValueCommands[] = {
    {.name = "hgetdel",
     .arity = -5,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .group = Group::kHash,
     .since = "8.0.0",
     .complexity = "O(N) in the number of fields given",
     .syntax = "key FIELDS numfields field [field ...]",
     .summary = "Returns the values of fields and deletes them.",
     .run = Data(HGetDel)},
    {.name = "hgetex",
     .arity = -5,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyUpdate),
     .group = Group::kHash,
     .since = "8.0.0",
     .complexity = "O(N) in the number of fields given",
     .syntax = "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] "
               "FIELDS numfields field [field ...]",
     .summary = "Returns the values of fields, and sets or removes their expiry.",
     .run = Data(HGetEx)},
    {.name = "hsetex",
     .arity = -6,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyUpdate),
     .group = Group::kHash,
     .since = "8.0.0",
     .complexity = "O(N) in the number of fields given",
     .syntax = "key [NX | XX] [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT "
               "unix-time-milliseconds | KEEPTTL] FIELDS numfields field value [field value ...]",
     .summary = "Sets the values of fields together with their expiry.",
     .run = Data(HSetEx)},
};
static_assert(RowsAreSound(kHashValueCommands));

}  // namespace

std::span<const Command> HashValueCommands() { return kHashValueCommands; }

}  // namespace ringkv::server
