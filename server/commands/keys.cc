// SPDX-License-Identifier: MIT
// Keys, whatever they hold.
#include <string>

#include "server/command/error_replies.h"
#include "server/command/long_steps.h"
#include "server/command/scan_options.h"
#include "server/commands/families.h"
#include "server/commands/help.h"
#include "storage/base/glob.h"
#include "storage/effects/key_event.h"
#include "storage/transaction/search.h"
#include "storage/transaction/totals.h"
#include "storage/transaction/walk.h"
#include "storage/types/encoding.h"
#include "storage/types/type_table.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::DbIndex;
using storage::Entry;
using storage::Intent;
using storage::Place;

void Del(DataCall& call) {
  int64_t deleted = 0;
  for (size_t i = 1; i < call.args.size(); ++i) {
    Place place = call.txn.Find(call.db, call.args[i], Intent::kCheck);
    if (!place) continue;
    call.txn.Do(place, storage::Erase{}, events::kDel);
    ++deleted;
  }
  call.reply.Integer(deleted);
}

void CountThere(DataCall& call, Intent intent) {
  int64_t there = 0;
  for (size_t i = 1; i < call.args.size(); ++i) {
    if (call.txn.Find(call.db, call.args[i], intent)) ++there;
  }
  call.reply.Integer(there);
}

void Exists(DataCall& call) { CountThere(call, Intent::kPeek); }
void Touch(DataCall& call) { CountThere(call, Intent::kRead); }

void Type(DataCall& call) {
  const Place place = call.txn.Find(call.db, call.args[1], Intent::kPeek);
  call.reply.Simple(place ? storage::TypeName(place.entry().type()) : "none");
}

// --- the whole keyspace ---------------------------------------------------------------------------------------------

// With an index only those that match are visited.
uint64_t KeysToVisit(DataCall& call, const storage::KeyPattern& pattern) {
  storage::Store& store = call.txn.store();
  const auto has_index = [&](storage::Direction direction) {
    return store.index_policy().IsWanted(direction, store.clock().SteadyMs());
  };
  if (pattern.is_exact || (!pattern.prefix.empty() && has_index(storage::Direction::kForward)) ||
      (!pattern.suffix.empty() && has_index(storage::Direction::kBackward))) {
    return 0;
  }
  return SizeOf(call.txn, call.db).keys;
}

void Keys(DataCall& call) {
  const std::string_view pattern = call.args[1];
  const bool all = pattern == "*";
  const storage::KeyPattern literals = storage::ParseKeyPattern(pattern);
  if (call.TakesLong(KeysToVisit(call, literals))) return;
  resp::BulkList keys(call.reply);
  constexpr size_t kKeysALock = 4096;
  uint64_t cursor = 0;
  do {
    cursor = Search(call.txn, call.db, literals, cursor, kKeysALock, [&](const Entry& entry) {
      if (all || storage::GlobMatches(pattern, entry.key())) keys.Add(entry.key());
    });
  } while (cursor != 0);
  keys.Finish();
}

void Scan(DataCall& call) {
  const std::optional<uint64_t> cursor = ParseCursor(call.args[1]);
  if (!cursor) return call.reply.Error(errors::kInvalidCursor);
  ScanOptions options;
  call.args.Skip(1);
  if (!ParseScanOptions(call, Scanned::kKeys, &options) || call.TakesLong(options.count)) return;
  resp::BulkList keys(call.reply);
  const bool all = options.pattern == "*";
  const storage::KeyPattern literals = storage::ParseKeyPattern(options.pattern);
  const uint64_t next = Search(call.txn, call.db, literals, *cursor, options.count, [&](const Entry& entry) {
    if (!all && !storage::GlobMatches(options.pattern, entry.key())) return;
    if (!options.type.empty() && !EqualsIgnoringCase(options.type, storage::TypeName(entry.type()))) return;
    keys.Add(entry.key());
  });
  call.reply.Array(2);
  call.reply.BulkInteger(static_cast<int64_t>(next));
  keys.Finish();
}

void RandomKey(DataCall& call) {
  constexpr int kTries = 100;  // as long as expired keys come up
  for (int i = 0; i < kTries; ++i) {
    std::string key;
    bool found = false;
    bool expired = false;
    Sample(call.txn, call.db, 1, false, [&](storage::Position, const Entry& entry) {
      found = true;
      expired = entry.IsExpired(call.txn.now());
      key = entry.key();
    });
    if (!found) break;
    if (!expired) return call.reply.Bulk(key);
  }
  call.reply.Null();
}

// --- moving and copying ---------------------------------------------------------------------------------------------

// The log gets the whole value.
uint64_t StepsToMove(DataCall& call, const Place& place) {
  return call.txn.store().log().is_recording() ? StepsOfValue(place.entry_or_null()) : 0;
}

void RenameTo(DataCall& call, bool only_if_missing) {
  Place from = call.txn.Find(call.db, call.args[1], Intent::kWrite);
  if (!from) return call.reply.Error(errors::kNoSuchKey);
  const bool same = call.args[1] == call.args[2];
  if (only_if_missing && (same || call.txn.Find(call.db, call.args[2], Intent::kWrite))) return call.reply.Integer(0);
  if (call.TakesLong(StepsToMove(call, from))) return;
  if (!same) call.txn.Rename(from, call.db, call.args[2], events::kRename);
  if (only_if_missing) {
    call.reply.Integer(1);
  } else {
    call.reply.Ok();
  }
}

void Rename(DataCall& call) { RenameTo(call, false); }
void RenameNx(DataCall& call) { RenameTo(call, true); }

// A database's number, or nothing with the error written.
std::optional<DbIndex> ParseDb(DataCall& call, std::string_view text) {
  const std::optional<int64_t> db = resp::ParseInteger(text);
  if (!db || *db < INT32_MIN || *db > INT32_MAX) {
    call.reply.Error(db ? errors::kNotInt32 : errors::kNotInteger);
    return std::nullopt;
  }
  if (*db < 0 || *db >= call.txn.store().databases()) {
    call.reply.Error(errors::kDbOutOfRange);
    return std::nullopt;
  }
  return static_cast<DbIndex>(*db);
}

void Copy(DataCall& call) {
  DbIndex to_db = call.db;
  bool replace = false;
  call.args.Skip(2);
  while (!call.args.AtEnd()) {
    if (call.args.Take("REPLACE")) {
      replace = true;
    } else if (call.args.TakeWithValue("DB")) {
      const std::optional<DbIndex> db = ParseDb(call, call.args.Next());
      if (!db) return;
      if (*db != 0 && call.txn.store().placement().by_slot) {
        return call.reply.Error("ERR Copying to another database is not allowed in cluster mode");
      }
      to_db = *db;
    } else {
      return call.reply.Error(errors::kSyntax);
    }
  }
  if (to_db == call.db && call.args[1] == call.args[2]) return call.reply.Error(errors::kSameObject);
  const Place from = call.txn.Find(call.db, call.args[1], Intent::kRead);
  if (!from) return call.reply.Integer(0);
  Place to = call.txn.Find(to_db, call.args[2], Intent::kWrite);
  if (to && !replace) return call.reply.Integer(0);
  if (call.TakesLong(StepsOfValue(from.entry_or_null()))) return;
  if (to) call.txn.Tell(to, events::kNew);  // to subscribers REPLACE makes another key
  if (from.entry().type() == storage::ValueType::kString) {
    // Both may stand in one table, which an insertion rearranges; the entry stays where it is.
    const Entry& entry = from.entry();
    const storage::StringForm form =
        entry.form() == storage::StringForm::kPlain ? storage::StringForm::kCopied : entry.form();
    call.txn.Do(to, storage::StringPut{entry.value(), entry.expiry(), form}, events::kCopyTo);
  } else {
    call.txn.PutCopy(to, storage::ValueCopy(from.entry()), events::kCopyTo);
  }
  call.reply.Integer(1);
}

void Move(DataCall& call) {
  if (call.txn.store().placement().by_slot) return call.reply.Error("ERR MOVE is not allowed in cluster mode");
  const std::optional<DbIndex> to_db = ParseDb(call, call.args[2]);
  if (!to_db) return;
  if (*to_db == call.db) return call.reply.Error(errors::kSameObject);
  Place from = call.txn.Find(call.db, call.args[1], Intent::kWrite);
  if (!from || call.txn.Find(*to_db, call.args[1], Intent::kWrite)) return call.reply.Integer(0);
  if (call.TakesLong(StepsToMove(call, from))) return;
  call.txn.Rename(from, *to_db, call.args[1], events::kMove);
  call.reply.Integer(1);
}

// --- OBJECT ---------------------------------------------------------------------------------------------------------

void ObjectEncoding(DataCall& call) {
  const Place place = call.txn.Find(call.db, call.args[2], Intent::kLook);
  if (!place) return call.reply.Null();
  call.reply.Bulk(storage::EncodingName(place.entry()));
}

void ObjectRefCount(DataCall& call) {
  const Place place = call.txn.Find(call.db, call.args[2], Intent::kLook);
  if (!place) return call.reply.Null();
  call.reply.Integer(storage::IsSharedInteger(place.entry()) ? INT32_MAX : 1);
}

void ObjectIdleTime(DataCall& call) {
  const Place place = call.txn.Find(call.db, call.args[2], Intent::kLook);
  if (!place) return call.reply.Null();
  if (call.txn.store().access_options().mode == storage::AccessMode::kLeastFrequent) {
    return call.reply.Error(
        "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between "
        "policies at runtime LRU and LFU data will take some time to adjust.");
  }
  call.reply.Integer(storage::IdleSeconds(place.entry().access(), call.txn.now()));
}

void ObjectFreq(DataCall& call) {
  const Place place = call.txn.Find(call.db, call.args[2], Intent::kLook);
  if (!place) return call.reply.Null();
  const storage::AccessOptions& options = call.txn.store().access_options();
  if (options.mode == storage::AccessMode::kLeastRecent) {
    return call.reply.Error(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching "
        "between policies at runtime LRU and LFU data will take some time to adjust.");
  }
  call.reply.Integer(storage::LfuCounter(place.entry().access(), options, call.txn.now()));
}

constexpr std::string_view kObjectTips = "nondeterministic_output";

constexpr Command kKeyCommands[] = {
    {.name = "copy",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .more_keys = OneKey(kKeyOW | kKeyUpdate, 2),
     .group = Group::kGeneric,
     .since = "6.2.0",
     .complexity = "O(N) in the size of the value",
     .syntax = "source destination [DB destination-db] [REPLACE]",
     .summary = "Copies a key with its value and expiry.",
     .run = Data(Copy)},
    {.name = "del",
     .arity = -2,
     .flags = kWrite,
     .keys = KeysToEnd(kKeyRM | kKeyDelete),
     .joinable = {Spread::kEachKey, Join::kSum},
     .group = Group::kGeneric,
     .tips = "request_policy:multi_shard response_policy:agg_sum",
     .since = "1.0.0",
     .complexity = "O(N) in the number of keys",
     .syntax = "key [key ...]",
     .summary = "Deletes keys.",
     .run = Data(Del)},
    {.name = "exists",
     .arity = -2,
     .flags = kReadOnly | kFast,
     .keys = KeysToEnd(kKeyRO),
     .joinable = {Spread::kEachKey, Join::kSum},
     .group = Group::kGeneric,
     .tips = "request_policy:multi_shard response_policy:agg_sum",
     .since = "1.0.0",
     .complexity = "O(N) in the number of keys",
     .syntax = "key [key ...]",
     .summary = "Counts the keys that exist.",
     .run = Data(Exists)},
    {.name = "keys",
     .arity = 2,
     .flags = kReadOnly,
     .scope = Scope::kWalks,
     .joinable = {Spread::kEachShard, Join::kArrays},
     .group = Group::kGeneric,
     .categories = "keyspace dangerous",
     .tips = "request_policy:all_shards nondeterministic_output_order",
     .since = "1.0.0",
     .complexity = "O(N) in the number of keys of the database",
     .syntax = "pattern",
     .summary = "Returns all keys that match a pattern.",
     .run = Data(Keys)},
    {.name = "move",
     .arity = 3,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyUpdate),
     .group = Group::kGeneric,
     .since = "1.0.0",
     .syntax = "key db",
     .summary = "Moves a key to another database.",
     .run = Data(Move)},
    {.name = "object",
     .arity = -2,
     .group = Group::kGeneric,
     .since = "2.2.3",
     .complexity = "Depends on subcommand.",
     .summary = "Container of commands about values.",
     .is_container = true},
    {.name = "encoding",
     .parent = "object",
     .arity = 3,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO, 2),
     .group = Group::kGeneric,
     .tips = kObjectTips,
     .since = "2.2.3",
     .syntax = "key",
     .summary = "Returns the encoding of a value.",
     .run = Data(ObjectEncoding)},
    {.name = "freq",
     .parent = "object",
     .arity = 3,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO, 2),
     .group = Group::kGeneric,
     .tips = kObjectTips,
     .since = "4.0.0",
     .syntax = "key",
     .summary = "Returns the access frequency of a key, on a logarithmic scale.",
     .run = Data(ObjectFreq)},
    {.name = "help",
     .parent = "object",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = Group::kGeneric,
     .since = "6.2.0",
     .summary = "Lists the subcommands.",
     .run = Admin(ReplyHelp)},
    {.name = "idletime",
     .parent = "object",
     .arity = 3,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO, 2),
     .group = Group::kGeneric,
     .tips = kObjectTips,
     .since = "2.2.3",
     .syntax = "key",
     .summary = "Returns the seconds since the last access to a key.",
     .run = Data(ObjectIdleTime)},
    {.name = "refcount",
     .parent = "object",
     .arity = 3,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO, 2),
     .group = Group::kGeneric,
     .tips = kObjectTips,
     .since = "2.2.3",
     .syntax = "key",
     .summary = "Returns the reference count of a value.",
     .run = Data(ObjectRefCount)},
    {.name = "randomkey",
     .arity = 1,
     .flags = kReadOnly,
     .scope = Scope::kWalks,
     .group = Group::kGeneric,
     .tips = "request_policy:all_shards nondeterministic_output",
     .since = "1.0.0",
     .syntax = "",
     .summary = "Returns a random key.",
     .run = Data(RandomKey)},
    {.name = "rename",
     .arity = 3,
     .flags = kWrite,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .more_keys = OneKey(kKeyOW | kKeyUpdate, 2),
     .group = Group::kGeneric,
     .since = "1.0.0",
     .syntax = "key newkey",
     .summary = "Renames a key and overwrites the destination.",
     .run = Data(Rename)},
    {.name = "renamenx",
     .arity = 3,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .more_keys = OneKey(kKeyOW | kKeyInsert, 2),
     .group = Group::kGeneric,
     .since = "1.0.0",
     .syntax = "key newkey",
     .summary = "Renames a key if the new name does not exist.",
     .run = Data(RenameNx)},
    {.name = "scan",
     .arity = -2,
     .flags = kReadOnly,
     .scope = Scope::kWalks,
     .joinable = {Spread::kOneShard, Join::kScan},
     .group = Group::kGeneric,
     .tips = "nondeterministic_output request_policy:special",
     .since = "2.8.0",
     .complexity = "O(COUNT) a call, O(N) for all keys",
     .syntax = "cursor [MATCH pattern] [COUNT count] [TYPE type]",
     .summary = "Iterates over the keys of the database.",
     .run = Data(Scan)},
    {.name = "touch",
     .arity = -2,
     .flags = kReadOnly | kFast,
     .traits = kAlwaysTouches,
     .keys = KeysToEnd(kKeyRO),
     .joinable = {Spread::kEachKey, Join::kSum},
     .group = Group::kGeneric,
     .tips = "request_policy:multi_shard response_policy:agg_sum",
     .since = "3.2.1",
     .complexity = "O(N) in the number of keys",
     .syntax = "key [key ...]",
     .summary = "Updates the last access of keys and counts those that exist.",
     .run = Data(Touch)},
    {.name = "type",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO),
     .group = Group::kGeneric,
     .since = "1.0.0",
     .syntax = "key",
     .summary = "Returns the type of a value.",
     .run = Data(Type)},
    {.name = "unlink",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = KeysToEnd(kKeyRM | kKeyDelete),
     .joinable = {Spread::kEachKey, Join::kSum},
     .group = Group::kGeneric,
     .tips = "request_policy:multi_shard response_policy:agg_sum",
     .since = "4.0.0",
     .complexity = "O(1) for each key; memory is freed in the background",
     .syntax = "key [key ...]",
     .summary = "Deletes keys and frees their memory in the background.",
     .run = Data(Del)},
};
static_assert(RowsAreSound(kKeyCommands));

}  // namespace

std::span<const Command> KeyCommands() { return kKeyCommands; }

}  // namespace ringkv::server
