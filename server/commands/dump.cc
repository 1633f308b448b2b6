// SPDX-License-Identifier: MIT
// Values as bytes that travel between servers: DUMP and RESTORE.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/command/error_replies.h"
#include "server/command/expiry_time.h"
#include "server/command/long_steps.h"
#include "server/commands/families.h"
#include "storage/effects/key_event.h"
#include "storage/rdb/dump_payload.h"
#include "storage/types/set.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::Place;

void Dump(DataCall& call) {
  const Place place = call.txn.Find(call.db, call.args[1], Intent::kRead);
  if (!place) return call.reply.Null();
  if (call.TakesLong(StepsOfValue(place.entry_or_null()))) return;
  std::string packed;
  call.reply.Bulk(
      storage::EncodeDumpPayload(storage::PackedKind(place.entry()), storage::PackedValue(place.entry(), &packed)));
}

struct RestoreOptions {
  bool replace = false;
  bool ttl_is_absolute = false;
  std::optional<int64_t> idle_seconds;
  std::optional<int64_t> frequency;
};

// The number behind a word, or nothing with the error written.
std::optional<int64_t> TakeNumber(DataCall& call, int64_t most, std::string_view error) {
  const std::optional<int64_t> number = resp::ParseInteger(call.args.Next());
  if (!number) {
    call.reply.Error(errors::kNotInteger);
  } else if (*number < 0 || *number > most) {
    call.reply.Error(error);
    return std::nullopt;
  }
  return number;
}

std::optional<RestoreOptions> ParseRestoreOptions(DataCall& call) {
  RestoreOptions options;
  call.args.Skip(3);
  while (!call.args.AtEnd()) {
    if (call.args.Take("REPLACE")) {
      options.replace = true;
    } else if (call.args.Take("ABSTTL")) {
      options.ttl_is_absolute = true;
    } else if (!options.frequency && call.args.TakeWithValue("IDLETIME")) {
      options.idle_seconds = TakeNumber(call, INT64_MAX, "ERR Invalid IDLETIME value, must be >= 0");
      if (!options.idle_seconds) return std::nullopt;
    } else if (!options.idle_seconds && call.args.TakeWithValue("FREQ")) {
      options.frequency = TakeNumber(call, UINT8_MAX, "ERR Invalid FREQ value, must be >= 0 and <= 255");
      if (!options.frequency) return std::nullopt;
    } else {
      call.reply.Error(errors::kSyntax);
      return std::nullopt;
    }
  }
  return options;
}

// The value inside.
struct Restored {
  storage::DumpContent content = {};
  std::optional<storage::NewSet> large_set = {};  // made without packing it first
};

// False with the error written.
bool IsValid(DataCall& call, storage::DumpStatus status, storage::RdbType type) {
  switch (status) {
    case storage::DumpStatus::kValid: return true;
    case storage::DumpStatus::kWrongEnvelope: call.reply.Error("ERR DUMP payload version or checksum are wrong"); break;
    case storage::DumpStatus::kInvalid: call.reply.Error("ERR Bad data format"); break;
    case storage::DumpStatus::kUnsupportedType:
      call.reply.Error("ERR the payload holds a " + std::string(NameOf(type)) + ", which RingKV doesn't have yet");
      break;
  }
  return false;
}

bool Unpack(DataCall& call, std::string_view key, std::string_view payload, storage::UnixMs expiry, Restored* value) {
  const storage::TypeLimits& limits = call.txn.store().type_limits();
  if (const size_t members = storage::MembersOfSet(payload); storage::AreManyOfSet(members, limits)) {
    value->large_set.emplace(limits, key, members, expiry);
    return IsValid(call, storage::DecodeDumpSet(payload, &*value->large_set), storage::RdbType::kSet);
  }
  value->content = storage::DecodeDumpPayload(payload);
  return IsValid(call, value->content.status, value->content.type);
}

// What an entry remembers of its use, if the options say.
std::optional<uint32_t> AccessOf(DataCall& call, const RestoreOptions& options) {
  const storage::UnixMs now = call.txn.now();
  const bool counts_use = call.txn.store().access_options().mode == storage::AccessMode::kLeastFrequent;
  if (counts_use && options.frequency) {
    return storage::AccessMinute(now) << 8 | static_cast<uint32_t>(*options.frequency);
  }
  if (!counts_use && options.idle_seconds) {
    constexpr int64_t kLongest = 0xffffff;
    return (storage::AccessSecond(now) - static_cast<uint32_t>(std::min(*options.idle_seconds, kLongest))) & 0xffffff;
  }
  return std::nullopt;
}

void Restore(DataCall& call) {
  const std::optional<RestoreOptions> options = ParseRestoreOptions(call);
  if (!options) return;
  Place place = call.txn.Find(call.db, call.args[1], options->replace ? Intent::kErase : Intent::kCheck);
  if (place && !options->replace) return call.reply.Error("BUSYKEY Target key name already exists.");
  const std::optional<int64_t> ttl = resp::ParseInteger(call.args[2]);
  if (!ttl) return call.reply.Error(errors::kNotInteger);
  if (*ttl < 0) return call.reply.Error("ERR Invalid TTL value, must be >= 0");
  constexpr size_t kPayloadOfStep = 16;  // bytes, of a collection
  if (call.TakesLong(call.args[3].size() / kPayloadOfStep)) return;
  storage::UnixMs expiry = storage::kNoExpiry;
  if (*ttl > 0) {
    expiry = options->ttl_is_absolute ? *ttl : MillisecondsFrom(call.txn.now(), *ttl);
  }
  Restored value;
  if (!Unpack(call, call.args[1], call.args[3], expiry, &value)) return;
  if (call.txn.HasPassed(expiry)) {
    if (place) call.txn.Do(place, storage::Erase{}, events::kDel);
    return call.reply.Ok();
  }
  if (place) call.txn.Tell(place, events::kNew);  // to subscribers REPLACE makes another key
  if (value.large_set) {
    call.txn.PutSet(place, *value.large_set, events::kRestore);
  } else {
    storage::DumpContent& content = value.content;
    call.txn.PutCopy(place, storage::ValueCopy(content.kind, std::move(content.value), expiry), events::kRestore);
  }
  if (const std::optional<uint32_t> access = AccessOf(call, *options)) call.txn.SetAccess(place, *access);
  call.reply.Ok();
}

constexpr Command kDumpCommands[] = {
    {.name = "dump",
     .arity = 2,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kGeneric,
     .tips = "nondeterministic_output",
     .since = "2.6.0",
     .complexity = "O(N) in the size of the value",
     .syntax = "key",
     .summary = "Returns a serialized value for RESTORE, of RingKV or Redis.",
     .run = Data(Dump)},
    {.name = "restore",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyOW | kKeyUpdate),
     .group = Group::kGeneric,
     .categories = "keyspace dangerous",
     .since = "2.6.0",
     .complexity = "O(N) in the size of the value",
     .syntax = "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
     .summary = "Creates a key from a serialized value of DUMP, of RingKV or Redis.",
     .run = Data(Restore)},
    {.name = "restore-asking",
     .arity = -4,
     .flags = kWrite | kDenyOom | kAsks,
     .keys = OneKey(kKeyOW | kKeyUpdate),
     .group = Group::kServer,
     .categories = "keyspace dangerous",
     .since = "3.0.0",
     .complexity = "O(N) in the size of the value",
     .syntax = "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
     .summary = "As RESTORE after ASKING. MIGRATE sends it in a cluster.",
     .run = Data(Restore)},
};
static_assert(RowsAreSound(kDumpCommands));

}  // namespace

std::span<const Command> DumpCommands() { return kDumpCommands; }

}  // namespace ringkv::server
