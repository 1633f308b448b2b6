// SPDX-License-Identifier: MIT
// Sets: members without order, and what several sets have in common.
#include "storage/types/set.h"

#include <algorithm>
#include <string>
#include <vector>

#include "server/command/pick_count.h"
#include "server/command/scan_options.h"
#include "server/command/typed_key.h"
#include "server/commands/families.h"
#include "server/commands/pops.h"
#include "server/commands/store_collection.h"
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

void SScan(DataCall& call) {
  const std::optional<uint64_t> cursor = ParseCursor(call.args[2]);
  if (!cursor) return call.reply.Error(errors::kInvalidCursor);
  const std::optional<Place> found = FindSet(call, call.args[1], Intent::kRead);
  if (!found) return;
  ScanOptions options;
  call.args.Skip(2);
  if (*found && !ParseScanOptions(call, false, &options)) return;
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

// --- several sets ---------------------------------------------------------------------------------------------------

enum class SetOperation : uint8_t { kIntersection, kUnion, kDifference };

// The sets at the arguments [first, end); nothing with the error written.
std::optional<std::vector<SetView>> FindSets(DataCall& call, size_t first, size_t end) {
  std::vector<SetView> sets;
  for (size_t i = first; i < end; ++i) {
    const std::optional<Place> found = FindSet(call, call.args[i], Intent::kRead);
    if (!found) return std::nullopt;
    sets.emplace_back(found->entry_or_null());
  }
  return sets;
}

uint64_t StepsOf(SetOperation operation, const std::vector<SetView>& sets) {
  uint64_t all = 0;
  uint64_t smallest = UINT64_MAX;
  for (const SetView& set : sets) {
    all += set.size();
    smallest = std::min<uint64_t>(smallest, set.size());
  }
  const uint64_t look_ups = (operation == SetOperation::kDifference ? sets[0].size() : smallest) * sets.size();
  return (operation == SetOperation::kUnion ? all : look_ups) * kStepsOfInsertion;
}

// `visit(member)` until it returns false: begins with the smallest set, which bounds the work.
template <typename Visitor>
void VisitIntersection(std::vector<SetView> sets, Visitor&& visit) {
  std::sort(sets.begin(), sets.end(), [](const SetView& a, const SetView& b) { return a.size() < b.size(); });
  sets[0].VisitUntil([&](std::string_view member) {
    const bool in_all =
        std::all_of(sets.begin() + 1, sets.end(), [&](const SetView& set) { return set.Contains(member); });
    return !in_all || visit(member);
  });
}

void Join(SetOperation operation, const std::vector<SetView>& sets, storage::NewSet* result) {
  switch (operation) {
    case SetOperation::kIntersection:
      VisitIntersection(sets, [&](std::string_view member) {
        result->Add(member);
        return true;
      });
      break;
    case SetOperation::kUnion:
      for (const SetView& set : sets) set.ForEach([&](std::string_view member) { result->Add(member); });
      break;
    case SetOperation::kDifference:
      sets[0].ForEach([&](std::string_view member) {
        const bool elsewhere =
            std::any_of(sets.begin() + 1, sets.end(), [&](const SetView& set) { return set.Contains(member); });
        if (!elsewhere) result->Add(member);
      });
      break;
  }
}

// How many members the result has at least.
size_t LeastSize(SetOperation operation, const std::vector<SetView>& sets) {
  size_t largest = 0;
  for (const SetView& set : sets) largest = std::max(largest, set.size());
  return operation == SetOperation::kUnion ? largest : 0;
}

void ReplyJoined(DataCall& call, SetOperation operation) {
  const auto sets = FindSets(call, 1, call.args.size());
  if (!sets || call.TakesLong(StepsOf(operation, *sets))) return;
  storage::NewSet result(call.txn.store().type_limits(), {}, LeastSize(operation, *sets));
  Join(operation, *sets, &result);
  ReplyMembers(call, result.view());
}

void StoreJoined(DataCall& call, SetOperation operation, const storage::KeyEvent& event) {
  const auto sets = FindSets(call, 2, call.args.size());
  if (!sets || call.TakesLong(StepsOf(operation, *sets))) return;
  storage::NewSet result(call.txn.store().type_limits(), call.args[1], LeastSize(operation, *sets));
  Join(operation, *sets, &result);
  const size_t size = result.view().size();
  if (size == 0) return StoreCollection(call, call.args[1], result.entry().kind(), {}, 0, event);
  Place target = call.txn.Find(call.db, call.args[1], Intent::kCheck);
  call.txn.PutSet(target, result, event);
  call.reply.Integer(static_cast<int64_t>(size));
}

void SMembers(DataCall& call) {
  const std::optional<Place> found = FindSet(call, call.args[1], Intent::kRead);
  if (!found) return;
  const SetView set(found->entry_or_null());
  if (!call.TakesLong(set.size())) ReplyMembers(call, set);
}

void SInter(DataCall& call) { ReplyJoined(call, SetOperation::kIntersection); }
void SUnion(DataCall& call) { ReplyJoined(call, SetOperation::kUnion); }
void SDiff(DataCall& call) { ReplyJoined(call, SetOperation::kDifference); }
void SInterStore(DataCall& call) { StoreJoined(call, SetOperation::kIntersection, events::kSInterStore); }
void SUnionStore(DataCall& call) { StoreJoined(call, SetOperation::kUnion, events::kSUnionStore); }
void SDiffStore(DataCall& call) { StoreJoined(call, SetOperation::kDifference, events::kSDiffStore); }

void SInterCard(DataCall& call) {
  const std::optional<int64_t> number = resp::ParseInteger(call.args[1]);
  if (!number || *number < 1) return call.reply.Error(errors::kNumKeys);
  if (*number > static_cast<int64_t>(call.args.size()) - 2) return call.reply.Error(errors::kTooManyKeys);
  const auto end = static_cast<size_t>(*number) + 2;
  int64_t limit = 0;
  call.args.Skip(end - 1);
  while (!call.args.AtEnd()) {
    if (!call.args.TakeWithValue("LIMIT")) return call.reply.Error(errors::kSyntax);
    const std::optional<int64_t> parsed = resp::ParseInteger(call.args.Next());
    if (!parsed || *parsed < 0) return call.reply.Error("ERR LIMIT can't be negative");
    limit = *parsed;
  }
  const auto sets = FindSets(call, 2, end);
  if (!sets || call.TakesLong(StepsOf(SetOperation::kIntersection, *sets))) return;
  int64_t count = 0;
  VisitIntersection(*sets, [&](std::string_view) { return ++count != limit; });
  call.reply.Integer(count);
}

constexpr std::string_view kUnordered = "nondeterministic_output_order";
constexpr std::string_view kRandom = "nondeterministic_output";
constexpr std::string_view kIntersectionCost = "O(N*M): N members of the smallest set, M sets";
constexpr std::string_view kSumCost = "O(N) in the members of all sets";

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
    {.name = "sdiff",
     .arity = -2,
     .flags = kReadOnly,
     .keys = KeysToEnd(kKeyRO | kKeyAccess),
     .group = Group::kSet,
     .tips = kUnordered,
     .since = "1.0.0",
     .complexity = kSumCost,
     .syntax = "key [key ...]",
     .summary = "Returns the members of the first set that are in none of the others.",
     .run = Data(SDiff)},
    {.name = "sdiffstore",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyOW | kKeyUpdate),
     .more_keys = KeysToEnd(kKeyRO | kKeyAccess, 2),
     .group = Group::kSet,
     .since = "1.0.0",
     .complexity = kSumCost,
     .syntax = "destination key [key ...]",
     .summary = "Stores the result of SDIFF.",
     .run = Data(SDiffStore)},
    {.name = "sinter",
     .arity = -2,
     .flags = kReadOnly,
     .keys = KeysToEnd(kKeyRO | kKeyAccess),
     .group = Group::kSet,
     .tips = kUnordered,
     .since = "1.0.0",
     .complexity = kIntersectionCost,
     .syntax = "key [key ...]",
     .summary = "Returns the members that are in all sets.",
     .run = Data(SInter)},
    {.name = "sintercard",
     .arity = -3,
     .flags = kReadOnly,
     .keys = CountedKeys(kKeyRO | kKeyAccess),
     .group = Group::kSet,
     .since = "7.0.0",
     .complexity = kIntersectionCost,
     .syntax = "numkeys key [key ...] [LIMIT limit]",
     .summary = "Counts the members that are in all sets.",
     .run = Data(SInterCard)},
    {.name = "sinterstore",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRW | kKeyUpdate),
     .more_keys = KeysToEnd(kKeyRO | kKeyAccess, 2),
     .group = Group::kSet,
     .since = "1.0.0",
     .complexity = kIntersectionCost,
     .syntax = "destination key [key ...]",
     .summary = "Stores the result of SINTER.",
     .run = Data(SInterStore)},
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
    {.name = "sunion",
     .arity = -2,
     .flags = kReadOnly,
     .keys = KeysToEnd(kKeyRO | kKeyAccess),
     .group = Group::kSet,
     .tips = kUnordered,
     .since = "1.0.0",
     .complexity = kSumCost,
     .syntax = "key [key ...]",
     .summary = "Returns the members that are in any of the sets.",
     .run = Data(SUnion)},
    {.name = "sunionstore",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyOW | kKeyUpdate),
     .more_keys = KeysToEnd(kKeyRO | kKeyAccess, 2),
     .group = Group::kSet,
     .since = "1.0.0",
     .complexity = kSumCost,
     .syntax = "destination key [key ...]",
     .summary = "Stores the result of SUNION.",
     .run = Data(SUnionStore)},
};
static_assert(RowsAreSound(kSetCommands));

}  // namespace

std::span<const Command> SetCommands() { return kSetCommands; }

}  // namespace ringkv::server
