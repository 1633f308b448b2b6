// SPDX-License-Identifier: MIT
// Sets: members without order. What several of them have in common: set_joins.cc.
#include "storage/types/set.h"

#include <algorithm>
#include <string>
#include <vector>

#include "server/command/pick_count.h"
#include "server/command/scan_options.h"
#include "server/command/typed_key.h"
#include "server/commands/families.h"
#include "server/commands/pops.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::EffectResult;
using storage::Intent;
using storage::Place;
using storage::SetAdd;
using storage::SetErase;
using storage::SetView;
using storage::ValueType;

std::optional<Place> FindSet(DataCall& call, std::string_view key, Intent intent) {
  return FindTyped(call, ValueType::kSet, key, intent);
}

// --- one set --------------------------------------------------------------------------------------------------------

void SAdd(DataCall& call) {
  std::optional<Place> found = FindSet(call, call.args[1], Intent::kWrite);
  if (!found) return;
  int64_t added = 0;
  for (size_t i = 2; i < call.args.size(); ++i) {
    if (call.txn.Do(*found, SetAdd{call.args[i]}, events::kSAdd) == EffectResult::kAdded) ++added;
  }
  call.reply.Integer(added);
}

void SRem(DataCall& call) {
  std::optional<Place> found = FindSet(call, call.args[1], Intent::kWrite);
  if (!found) return;
  int64_t erased = 0;
  for (size_t i = 2; i < call.args.size() && *found; ++i) {
    if (call.txn.Do(*found, SetErase{call.args[i]}, events::kSRem) != EffectResult::kUnchanged) ++erased;
  }
  call.reply.Integer(erased);
}

void SCard(DataCall& call) {
  const std::optional<Place> found = FindSet(call, call.args[1], Intent::kRead);
  if (found) call.reply.Integer(static_cast<int64_t>(SetView(found->entry_or_null()).size()));
}

void SIsMember(DataCall& call) {
  const std::optional<Place> found = FindSet(call, call.args[1], Intent::kRead);
  if (found) call.reply.Integer(SetView(found->entry_or_null()).Contains(call.args[2]) ? 1 : 0);
}

void SMIsMember(DataCall& call) {
  const std::optional<Place> found = FindSet(call, call.args[1], Intent::kRead);
  if (!found) return;
  const SetView set(found->entry_or_null());
  call.reply.Array(static_cast<int64_t>(call.args.size()) - 2);
  for (size_t i = 2; i < call.args.size(); ++i) call.reply.Integer(set.Contains(call.args[i]) ? 1 : 0);
}

void ReplyMembers(DataCall& call, const SetView& set) {
  call.reply.Set(static_cast<int64_t>(set.size()));
  set.ForEach([&](std::string_view member) { call.reply.Bulk(member); });
}

void SMembers(DataCall& call) {
  const std::optional<Place> found = FindSet(call, call.args[1], Intent::kRead);
  if (!found) return;
  const SetView set(found->entry_or_null());
  if (!call.TakesLong(set.size())) ReplyMembers(call, set);
}

void SScan(DataCall& call) {
  const std::optional<uint64_t> cursor = ParseCursor(call.args[2]);
  if (!cursor) return call.reply.Error(errors::kInvalidCursor);
  const std::optional<Place> found = FindSet(call, call.args[1], Intent::kRead);
  if (!found) return;
  ScanOptions options;
  call.args.Skip(2);
  if (*found && !ParseScanOptions(call, Scanned::kSet, &options)) return;
  const SetView set(found->entry_or_null());
  if (call.TakesLong(std::min(options.count, set.size()))) return;
  resp::BulkList members(call.reply);
  const uint64_t next = set.Scan(*cursor, options.count, [&](std::string_view member) {
    if (options.Matches(member)) members.Add(member);
  });
  call.reply.Array(2);
  call.reply.BulkInteger(static_cast<int64_t>(next));
  members.Finish();
}

void SMove(DataCall& call) {
  std::optional<Place> from = FindSet(call, call.args[1], Intent::kWrite);
  if (!from) return;
  if (!*from) return call.reply.Integer(0);
  std::optional<Place> to = FindSet(call, call.args[2], Intent::kWrite);
  if (!to) return;
  const std::string_view member = call.args[3];
  const bool is_there = SetView(from->entry_or_null()).Contains(member);
  if (is_there && call.args[1] != call.args[2]) {
    call.txn.Do(*from, SetErase{member}, events::kSRem);
    call.txn.Do(*to, SetAdd{member}, events::kSAdd);
  }
  call.reply.Integer(is_there ? 1 : 0);
}

// --- random members -------------------------------------------------------------------------------------------------

// By the order of the table, some at a time: what was looked at is still in the cache when it is erased.
void PopMany(DataCall& call, Place& place, size_t count) {
  constexpr size_t kAtOnce = 64;
  storage::Random& random = call.txn.random();
  size_t unseen = SetView(place.entry_or_null()).size();
  uint64_t cursor = 0;
  std::vector<std::string> picked;
  call.reply.Set(static_cast<int64_t>(count));
  while (count > 0) {
    picked.clear();
    // Each is taken with the probability that leads to exactly `count`.
    cursor = SetView(place.entry_or_null()).Scan(cursor, kAtOnce, [&](std::string_view member) {
      if (random.Below(unseen--) < count - picked.size()) picked.emplace_back(member);
    });
    for (const std::string& member : picked) {
      call.reply.Bulk(member);
      call.txn.Do(place, SetErase{member}, events::kSPop);
    }
    count -= picked.size();
  }
}

void PopSome(DataCall& call, Place& place, size_t count) {
  const SetView set(place.entry_or_null());
  const bool takes_all = count > 0 && place && count >= set.size();
  // redis-server replies by its SUNION then, which counts a hit.
  if (takes_all) call.txn.Find(call.db, place.key(), Intent::kPeek);
  if (call.TakesLong(std::min(count, set.size()) * kStepsOfInsertion)) return;
  if (count >= set.size()) {
    ReplyMembers(call, set);
    if (takes_all) TakeAll(call, place, events::kSPop);
    return;
  }
  if (set.is_large() && count * 3 > set.size()) return PopMany(call, place, count);
  std::vector<std::string> picked;
  set.PickDistinct(call.txn.random(), count, [&](std::string_view member) { picked.emplace_back(member); });
  call.reply.Set(static_cast<int64_t>(count));
  for (const std::string& member : picked) {
    call.reply.Bulk(member);
    call.txn.Do(place, SetErase{member}, events::kSPop);
  }
}

void SPop(DataCall& call) {
  if (call.args.size() > 3) return call.reply.Error(errors::kSyntax);
  if (call.args.size() == 3) {
    const std::optional<int64_t> count = resp::ParseInteger(call.args[2]);
    if (!count || *count < 0) return call.reply.Error(errors::kNotPositive);
    std::optional<Place> found = FindSet(call, call.args[1], Intent::kWrite);
    if (found) PopSome(call, *found, static_cast<size_t>(*count));
    return;
  }
  std::optional<Place> found = FindSet(call, call.args[1], Intent::kWrite);
  if (!found) return;
  if (!*found) return call.reply.Null();
  const std::string member = SetView(found->entry_or_null()).Random(call.txn.random());
  call.reply.Bulk(member);
  call.txn.Do(*found, SetErase{member}, events::kSPop);
}

void SRandMember(DataCall& call) {
  if (call.args.size() > 3) return call.reply.Error(errors::kSyntax);
  std::optional<int64_t> count;
  if (call.args.size() == 3) {
    count = ParsePickCount(call, call.args[2]);
    if (!count) return;
  }
  const std::optional<Place> found = FindSet(call, call.args[1], Intent::kRead);
  if (!found) return;
  const SetView set(found->entry_or_null());
  if (!count) return *found ? call.reply.Bulk(set.Random(call.txn.random())) : call.reply.Null();
  if (*count < 0 && *found) {
    const auto picks = static_cast<size_t>(-*count);
    if (call.TakesLong(picks)) return;
    call.reply.Array(-*count);
    return set.PickRepeated(call.txn.random(), picks, [&](std::string_view member) { call.reply.Bulk(member); });
  }
  const size_t different = std::min(static_cast<size_t>(std::max<int64_t>(*count, 0)), set.size());
  if (call.TakesLong(different)) return;
  call.reply.Array(static_cast<int64_t>(different));
  set.PickDistinct(call.txn.random(), different, [&](std::string_view member) { call.reply.Bulk(member); });
}

constexpr std::string_view kUnordered = "nondeterministic_output_order";
constexpr std::string_view kRandom = "nondeterministic_output";

constexpr Command kSetCommands[] = {
    {.name = "sadd",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyInsert),
     .group = Group::kSet,
     .since = "1.0.0",
     .complexity = "O(N) in the number of members given",
     .syntax = "key member [member ...]",
     .summary = "Adds members and counts the new ones.",
     .run = Data(SAdd)},
    {.name = "scard",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO),
     .group = Group::kSet,
     .since = "1.0.0",
     .syntax = "key",
     .summary = "Counts the members.",
     .run = Data(SCard)},
    {.name = "sismember",
     .arity = 3,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO),
     .group = Group::kSet,
     .since = "1.0.0",
     .syntax = "key member",
     .summary = "Tests whether a member exists.",
     .run = Data(SIsMember)},
    {.name = "smembers",
     .arity = 2,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSet,
     .tips = kUnordered,
     .since = "1.0.0",
     .complexity = "O(N) in the size of the set",
     .syntax = "key",
     .summary = "Returns all members.",
     .run = Data(SMembers)},
    {.name = "smismember",
     .arity = -3,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSet,
     .since = "6.2.0",
     .complexity = "O(N) in the number of members asked for",
     .syntax = "key member [member ...]",
     .summary = "Tests for each member whether it exists.",
     .run = Data(SMIsMember)},
    {.name = "smove",
     .arity = 4,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .more_keys = OneKey(kKeyRW | kKeyInsert, 2),
     .group = Group::kSet,
     .since = "1.0.0",
     .syntax = "source destination member",
     .summary = "Moves a member to another set.",
     .run = Data(SMove)},
    {.name = "spop",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .group = Group::kSet,
     .tips = kRandom,
     .since = "1.0.0",
     .complexity = "O(N) in the number of members taken",
     .syntax = "key [count]",
     .summary = "Removes and returns random members.",
     .run = Data(SPop)},
    {.name = "srandmember",
     .arity = -2,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSet,
     .tips = kRandom,
     .since = "1.0.0",
     .complexity = "O(N) in the number of members returned",
     .syntax = "key [count]",
     .summary = "Returns random members.",
     .run = Data(SRandMember)},
    {.name = "srem",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyDelete),
     .group = Group::kSet,
     .since = "1.0.0",
     .complexity = "O(N) in the number of members to erase",
     .syntax = "key member [member ...]",
     .summary = "Removes members, and the set when it becomes empty.",
     .run = Data(SRem)},
    {.name = "sscan",
     .arity = -3,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSet,
     .tips = kRandom,
     .since = "2.8.0",
     .complexity = "O(COUNT) a call, O(N) for all members",
     .syntax = "key cursor [MATCH pattern] [COUNT count]",
     .summary = "Iterates over the members of a set.",
     .run = Data(SScan)},
};
static_assert(RowsAreSound(kSetCommands));

}  // namespace

std::span<const Command> SetCommands() { return kSetCommands; }

}  // namespace ringkv::server
