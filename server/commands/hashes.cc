// SPDX-License-Identifier: MIT
// Hashes: fields with values under one key.
#include "storage/types/hash.h"

#include <cmath>
#include <string>

#include "server/command/long_double.h"
#include "server/command/pick_count.h"
#include "server/command/scan_options.h"
#include "server/commands/families.h"
#include "server/commands/hash_access.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::EffectResult;
using storage::HashErase;
using storage::HashPut;
using storage::HashView;
using storage::Intent;
using storage::Place;

void ReplyText(DataCall& call, const std::optional<std::string_view>& text) {
  text ? call.reply.Bulk(*text) : call.reply.Null();
}

// --- writing --------------------------------------------------------------------------------------------------------

// Fields and values from the second argument on. Returns how many fields are new, or nothing with the error written.
std::optional<int64_t> PutFields(DataCall& call, std::string_view command) {
  if (call.args.size() % 2 != 0) {
    call.reply.Error(errors::WrongArity(command));
    return std::nullopt;
  }
  std::optional<Place> found = FindHash(call, Intent::kWrite);
  if (!found) return std::nullopt;
  int64_t added = 0;
  for (size_t i = 2; i < call.args.size(); i += 2) {
    if (call.txn.Do(*found, HashPut{call.args[i], call.args[i + 1]}, events::kHSet) == EffectResult::kAdded) ++added;
  }
  return added;
}

void HSet(DataCall& call) {
  if (const std::optional<int64_t> added = PutFields(call, "hset")) call.reply.Integer(*added);
}

void HMSet(DataCall& call) {
  if (PutFields(call, "hmset")) call.reply.Ok();
}

void HSetNx(DataCall& call) {
  std::optional<Place> found = FindHash(call, Intent::kWrite);
  if (!found) return;
  EraseIfExpired(call, *found, call.args[2]);
  const bool is_there = Shown(call, *found).Find(call.args[2]).has_value();
  if (!is_there) call.txn.Do(*found, HashPut{call.args[2], call.args[3]}, events::kHSet);
  call.reply.Integer(is_there ? 0 : 1);
}

void HDel(DataCall& call) {
  std::optional<Place> found = FindHash(call, Intent::kWrite);
  if (!found) return;
  int64_t erased = 0;
  for (size_t i = 2; i < call.args.size() && *found; ++i) {
    if (call.txn.Do(*found, HashErase{call.args[i]}, events::kHDel) != EffectResult::kUnchanged) ++erased;
  }
  call.reply.Integer(erased);
}

// An increment leaves it as it is.
storage::UnixMs ExpiryOf(const std::optional<storage::HashField>& field) {
  return field ? field->expiry : storage::kNoExpiry;
}

void HIncrBy(DataCall& call) {
  const std::optional<int64_t> amount = resp::ParseInteger(call.args[3]);
  if (!amount) return call.reply.Error(errors::kNotInteger);
  std::optional<Place> found = FindHash(call, Intent::kWrite);
  if (!found) return;
  EraseIfExpired(call, *found, call.args[2]);
  int64_t value = 0;
  const auto field = Shown(call, *found).FindField(call.args[2]);
  if (field) {
    const std::optional<int64_t> parsed = resp::ParseInteger(field->value);
    if (!parsed) return call.reply.Error("ERR hash value is not an integer");
    value = *parsed;
  }
  if (__builtin_add_overflow(value, *amount, &value)) return call.reply.Error(errors::kIncrementOverflow);
  char digits[resp::kLongestInteger];
  const std::string_view text(digits, resp::FormatInteger(value, digits));
  call.txn.Do(*found, HashPut{call.args[2], text, ExpiryOf(field)}, events::kHIncrBy);
  call.reply.Integer(value);
}

void HIncrByFloat(DataCall& call) {
  const std::optional<long double> amount = ParseLongDouble(call.args[3]);
  if (!amount) return call.reply.Error(errors::kNotFloat);
  if (std::isnan(*amount) || std::isinf(*amount)) return call.reply.Error("ERR value is NaN or Infinity");
  std::optional<Place> found = FindHash(call, Intent::kWrite);
  if (!found) return;
  EraseIfExpired(call, *found, call.args[2]);
  long double value = 0;
  const auto field = Shown(call, *found).FindField(call.args[2]);
  if (field) {
    const std::optional<long double> parsed = ParseLongDouble(field->value);
    if (!parsed) return call.reply.Error("ERR hash value is not a float");
    value = *parsed;
  }
  value += *amount;
  if (std::isnan(value) || std::isinf(value)) return call.reply.Error(errors::kIncrementNotFinite);
  const std::string text = FormatLongDouble(value);
  call.txn.Do(*found, HashPut{call.args[2], text, ExpiryOf(field)}, events::kHIncrByFloat);
  call.reply.Bulk(text);
}

// --- reading --------------------------------------------------------------------------------------------------------

void HGet(DataCall& call) {
  const std::optional<Place> found = FindHash(call, Intent::kRead);
  if (found) ReplyText(call, Shown(call, *found).Find(call.args[2]));
}

void HMGet(DataCall& call) {
  const std::optional<Place> found = FindHash(call, Intent::kRead);
  if (!found) return;
  const HashView hash = Shown(call, *found);
  call.reply.Array(static_cast<int64_t>(call.args.size()) - 2);
  for (size_t i = 2; i < call.args.size(); ++i) ReplyText(call, hash.Find(call.args[i]));
}

void HExists(DataCall& call) {
  const std::optional<Place> found = FindHash(call, Intent::kRead);
  if (found) call.reply.Integer(Shown(call, *found).Find(call.args[2]) ? 1 : 0);
}

void HStrLen(DataCall& call) {
  const std::optional<Place> found = FindHash(call, Intent::kRead);
  if (!found) return;
  const auto value = Shown(call, *found).Find(call.args[2]);
  call.reply.Integer(value ? static_cast<int64_t>(value->size()) : 0);
}

void HLen(DataCall& call) {
  const std::optional<Place> found = FindHash(call, Intent::kRead);
  if (found) call.reply.Integer(static_cast<int64_t>(Shown(call, *found).size()));
}

void HGetAll(DataCall& call) {
  const std::optional<Place> found = FindHash(call, Intent::kRead);
  if (!found) return;
  const HashView hash = Shown(call, *found);
  if (call.TakesLong(2 * hash.size())) return;
  call.reply.Map(static_cast<int64_t>(hash.CountShown()));
  hash.ForEach([&](std::string_view field, std::string_view value) {
    call.reply.Bulk(field);
    call.reply.Bulk(value);
  });
}

void HKeys(DataCall& call) {
  const std::optional<Place> found = FindHash(call, Intent::kRead);
  if (!found) return;
  const HashView hash = Shown(call, *found);
  if (call.TakesLong(hash.size())) return;
  call.reply.Array(static_cast<int64_t>(hash.CountShown()));
  hash.ForEach([&](std::string_view field, std::string_view) { call.reply.Bulk(field); });
}

void HVals(DataCall& call) {
  const std::optional<Place> found = FindHash(call, Intent::kRead);
  if (!found) return;
  const HashView hash = Shown(call, *found);
  if (call.TakesLong(hash.size())) return;
  call.reply.Array(static_cast<int64_t>(hash.CountShown()));
  hash.ForEach([&](std::string_view, std::string_view value) { call.reply.Bulk(value); });
}

void HScan(DataCall& call) {
  const std::optional<uint64_t> cursor = ParseCursor(call.args[2]);
  if (!cursor) return call.reply.Error(errors::kInvalidCursor);
  const std::optional<Place> found = FindHash(call, Intent::kRead);
  if (!found) return;
  ScanOptions options;
  call.args.Skip(2);
  if (*found && !ParseScanOptions(call, Scanned::kHash, &options)) return;
  const HashView hash = Shown(call, *found);
  if (call.TakesLong(2 * std::min(options.count, hash.size()))) return;
  resp::BulkList pairs(call.reply);
  const uint64_t next = hash.Scan(*cursor, options.count, [&](std::string_view field, std::string_view value) {
    if (!options.Matches(field)) return;
    pairs.Add(field);
    if (!options.names_only) pairs.Add(value);
  });
  call.reply.Array(2);
  call.reply.BulkInteger(static_cast<int64_t>(next));
  pairs.Finish();
}

// --- HRANDFIELD -----------------------------------------------------------------------------------------------------

class PairReply {
 public:
  PairReply(DataCall& call, int64_t pairs, bool with_values) : reply_(call.reply), with_values_(with_values) {
    is_nested_ = with_values && reply_.protocol() >= 3;
    reply_.Array(with_values && !is_nested_ ? 2 * pairs : pairs);
  }
  void operator()(std::string_view field, std::string_view value) {
    if (is_nested_) reply_.Array(2);
    reply_.Bulk(field);
    if (with_values_) reply_.Bulk(value);
  }

 private:
  resp::ReplyWriter& reply_;
  bool with_values_;
  bool is_nested_ = false;
};

// With repetitions.
void ReplyPicks(DataCall& call, const HashView& hash, uint64_t count, bool with_values) {
  if (hash.size() == 0) count = 0;
  // A few looks tell mostly that something is shown; else all fields are looked at.
  const bool shows_some = hash.TryPick(call.txn.random()).has_value();
  if (call.TakesLong(2 * (count + (shows_some ? 0 : hash.size())))) return;
  if (!shows_some && hash.CountShown() == 0) count = 0;
  hash.PickRepeated(call.txn.random(), count, PairReply(call, static_cast<int64_t>(count), with_values));
}

void ReplyDistinctPicks(DataCall& call, const HashView& hash, size_t count, bool with_values) {
  if (hash.MayHide() && count <= hash.size() / 3) {
    if (call.TakesLong(4 * count)) return;
    const auto picked = hash.TryPickDistinct(call.txn.random(), count);
    if (picked) {
      PairReply reply(call, static_cast<int64_t>(count), with_values);
      for (const storage::HashField& field : *picked) reply(field.name, field.value);
      return;
    }
  }
  if (hash.MayHide() && call.TakesLong(2 * hash.size())) return;
  const size_t different = std::min(count, hash.CountShown());
  if (call.TakesLong(2 * different)) return;
  hash.PickDistinct(call.txn.random(), different, PairReply(call, static_cast<int64_t>(different), with_values));
}

void ReplyPick(DataCall& call, const HashView& hash) {
  if (const auto picked = hash.TryPick(call.txn.random())) return call.reply.Bulk(picked->name);
  if (!hash.MayHide()) return call.reply.Null();
  if (call.TakesLong(2 * hash.size())) return;
  if (hash.CountShown() == 0) return call.reply.Null();
  hash.PickRepeated(call.txn.random(), 1, [&](std::string_view field, std::string_view) { call.reply.Bulk(field); });
}

void HRandField(DataCall& call) {
  if (call.args.size() == 2) {
    const std::optional<Place> found = FindHash(call, Intent::kRead);
    if (found) ReplyPick(call, Shown(call, *found));
    return;
  }
  const std::optional<int64_t> count = ParsePickCount(call, call.args[2]);
  if (!count) return;
  const bool with_values = call.args.size() == 4 && EqualsIgnoringCase(call.args[3], "WITHVALUES");
  if (call.args.size() > 3 && !with_values) return call.reply.Error(errors::kSyntax);
  if (with_values && *count > INT64_MAX / 2) return call.reply.Error(errors::kOutOfRange);
  const std::optional<Place> found = FindHash(call, Intent::kRead);
  if (!found) return;
  if (*count < 0) return ReplyPicks(call, Shown(call, *found), static_cast<uint64_t>(-*count), with_values);
  ReplyDistinctPicks(call, Shown(call, *found), static_cast<size_t>(*count), with_values);
}

constexpr Command kHashCommands[] = {
    {.name = "hdel",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyDelete),
     .group = Group::kHash,
     .since = "2.0.0",
     .complexity = "O(N) in the number of fields to erase",
     .syntax = "key field [field ...]",
     .summary = "Deletes fields, and the hash when it becomes empty.",
     .run = Data(HDel)},
    {.name = "hexists",
     .arity = 3,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO),
     .group = Group::kHash,
     .since = "2.0.0",
     .syntax = "key field",
     .summary = "Tests whether a field exists.",
     .run = Data(HExists)},
    {.name = "hget",
     .arity = 3,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kHash,
     .since = "2.0.0",
     .syntax = "key field",
     .summary = "Returns the value of a field.",
     .run = Data(HGet)},
    {.name = "hgetall",
     .arity = 2,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kHash,
     .tips = "nondeterministic_output_order",
     .since = "2.0.0",
     .complexity = "O(N) in the size of the hash",
     .syntax = "key",
     .summary = "Returns all fields with their values.",
     .run = Data(HGetAll)},
    {.name = "hincrby",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyUpdate),
     .group = Group::kHash,
     .since = "2.0.0",
     .syntax = "key field increment",
     .summary = "Increments the integer value of a field.",
     .run = Data(HIncrBy)},
    {.name = "hincrbyfloat",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyUpdate),
     .group = Group::kHash,
     .since = "2.6.0",
     .syntax = "key field increment",
     .summary = "Increments the floating point value of a field.",
     .run = Data(HIncrByFloat)},
    {.name = "hkeys",
     .arity = 2,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kHash,
     .tips = "nondeterministic_output_order",
     .since = "2.0.0",
     .complexity = "O(N) in the size of the hash",
     .syntax = "key",
     .summary = "Returns all fields.",
     .run = Data(HKeys)},
    {.name = "hlen",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO),
     .group = Group::kHash,
     .since = "2.0.0",
     .syntax = "key",
     .summary = "Counts the fields.",
     .run = Data(HLen)},
    {.name = "hmget",
     .arity = -3,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kHash,
     .since = "2.0.0",
     .complexity = "O(N) in the number of fields asked for",
     .syntax = "key field [field ...]",
     .summary = "Returns the values of fields.",
     .run = Data(HMGet)},
    {.name = "hmset",
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyUpdate),
     .group = Group::kHash,
     .since = "2.0.0",
     .complexity = "O(N) in the number of fields given",
     .syntax = "key field value [field value ...]",
     .summary = "Sets the values of fields (deprecated; use HSET).",
     .run = Data(HMSet)},
    {.name = "hrandfield",
     .arity = -2,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kHash,
     .tips = "nondeterministic_output",
     .since = "6.2.0",
     .complexity = "O(N) in the number of fields returned; with a count, in the size of the hash",
     .syntax = "key [count [WITHVALUES]]",
     .summary = "Returns random fields.",
     .run = Data(HRandField)},
    {.name = "hscan",
     .arity = -3,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kHash,
     .tips = "nondeterministic_output",
     .since = "2.8.0",
     .history = "7.4.0 NOVALUES",
     .complexity = "O(COUNT) a call, O(N) for all fields",
     .syntax = "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
     .summary = "Iterates over the fields of a hash.",
     .run = Data(HScan)},
    {.name = "hset",
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyUpdate),
     .group = Group::kHash,
     .since = "2.0.0",
     .complexity = "O(N) in the number of fields given",
     .syntax = "key field value [field value ...]",
     .summary = "Sets the values of fields and counts the new ones.",
     .run = Data(HSet)},
    {.name = "hsetnx",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyInsert),
     .group = Group::kHash,
     .since = "2.0.0",
     .syntax = "key field value",
     .summary = "Sets the value of a field if the field does not exist.",
     .run = Data(HSetNx)},
    {.name = "hstrlen",
     .arity = 3,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO),
     .group = Group::kHash,
     .since = "3.2.0",
     .syntax = "key field",
     .summary = "Returns the length of a field's value.",
     .run = Data(HStrLen)},
    {.name = "hvals",
     .arity = 2,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kHash,
     .tips = "nondeterministic_output_order",
     .since = "2.0.0",
     .complexity = "O(N) in the size of the hash",
     .syntax = "key",
     .summary = "Returns all values.",
     .run = Data(HVals)},
};
static_assert(RowsAreSound(kHashCommands));

}  // namespace

std::span<const Command> HashCommands() { return kHashCommands; }

}  // namespace ringkv::server
