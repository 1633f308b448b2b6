// SPDX-License-Identifier: MIT
// What several sets have in common: unions, intersections, differences.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "server/command/typed_key.h"
#include "server/commands/families.h"
#include "server/commands/store_collection.h"
#include "storage/effects/key_event.h"
#include "storage/types/hyperloglog.h"
#include "storage/types/set.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::Place;
using storage::SetView;

enum class SetOperation : uint8_t { kIntersection, kUnion, kDifference };

// The sets at the arguments [first, end); nothing with the error written.
std::optional<std::vector<SetView>> FindSets(DataCall& call, size_t first, size_t end) {
  std::vector<SetView> sets;
  for (size_t i = first; i < end; ++i) {
    const std::optional<Place> found = FindTyped(call, storage::ValueType::kSet, call.args[i], Intent::kRead);
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

// Likewise, of the members that only the first set has.
template <typename Visitor>
void VisitDifference(const std::vector<SetView>& sets, Visitor&& visit) {
  sets[0].VisitUntil([&](std::string_view member) {
    const bool elsewhere =
        std::any_of(sets.begin() + 1, sets.end(), [&](const SetView& set) { return set.Contains(member); });
    return elsewhere || visit(member);
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
      VisitDifference(sets, [&](std::string_view member) {
        result->Add(member);
        return true;
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
  const SetView joined = result.view();
  call.reply.Set(static_cast<int64_t>(joined.size()));
  joined.ForEach([&](std::string_view member) { call.reply.Bulk(member); });
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

void SInter(DataCall& call) { ReplyJoined(call, SetOperation::kIntersection); }
void SUnion(DataCall& call) { ReplyJoined(call, SetOperation::kUnion); }
void SDiff(DataCall& call) { ReplyJoined(call, SetOperation::kDifference); }
void SInterStore(DataCall& call) { StoreJoined(call, SetOperation::kIntersection, events::kSInterStore); }
void SUnionStore(DataCall& call) { StoreJoined(call, SetOperation::kUnion, events::kSUnionStore); }
void SDiffStore(DataCall& call) { StoreJoined(call, SetOperation::kDifference, events::kSDiffStore); }

// --- counting -------------------------------------------------------------------------------------------------------

struct CountQuery {
  std::vector<SetView> sets;
  uint64_t limit = UINT64_MAX;
  bool is_estimate = false;
};

// None with the error written, or if it takes long.
std::optional<CountQuery> ParseCount(DataCall& call, SetOperation operation) {
  const auto fail = [&](std::string_view error) {
    call.reply.Error(error);
    return std::nullopt;
  };
  const std::optional<int64_t> number = resp::ParseInteger(call.args[1]);
  if (!number || *number < 1) return fail(errors::kNumKeys);
  if (*number > static_cast<int64_t>(call.args.size()) - 2) return fail(errors::kTooManyKeys);
  const auto end = static_cast<size_t>(*number) + 2;
  CountQuery query;
  call.args.Skip(end - 1);
  while (!call.args.AtEnd()) {
    if (operation == SetOperation::kUnion && call.args.Take("APPROX")) {
      query.is_estimate = true;
      continue;
    }
    if (!call.args.TakeWithValue("LIMIT")) return fail(errors::kSyntax);
    const std::optional<int64_t> limit = resp::ParseInteger(call.args.Next());
    if (!limit || *limit < 0) return fail("ERR LIMIT can't be negative");
    query.limit = *limit == 0 ? UINT64_MAX : static_cast<uint64_t>(*limit);
  }
  auto sets = FindSets(call, 2, end);
  if (!sets || call.TakesLong(StepsOf(operation, *sets))) return std::nullopt;
  query.sets = std::move(*sets);
  return query;
}

void SInterCard(DataCall& call) {
  const std::optional<CountQuery> query = ParseCount(call, SetOperation::kIntersection);
  if (!query) return;
  uint64_t count = 0;
  VisitIntersection(query->sets, [&](std::string_view) { return ++count < query->limit; });
  call.reply.Integer(static_cast<int64_t>(count));
}

void SDiffCard(DataCall& call) {
  const std::optional<CountQuery> query = ParseCount(call, SetOperation::kDifference);
  if (!query) return;
  uint64_t count = 0;
  VisitDifference(query->sets, [&](std::string_view) { return ++count < query->limit; });
  call.reply.Integer(static_cast<int64_t>(count));
}

uint64_t EstimateUnion(const std::vector<SetView>& sets) {
  storage::HyperLogLog::Registers registers{};
  for (const SetView& set : sets) {
    set.ForEach([&](std::string_view member) {
      const auto [number, value] = storage::HyperLogLog::MarkOf(member);
      registers[number] = std::max(registers[number], value);
    });
  }
  return storage::EstimateCount(registers);
}

void SUnionCard(DataCall& call) {
  const std::optional<CountQuery> query = ParseCount(call, SetOperation::kUnion);
  if (!query) return;
  if (query->is_estimate) {
    return call.reply.Integer(static_cast<int64_t>(std::min(EstimateUnion(query->sets), query->limit)));
  }
  storage::NewSet all(call.txn.store().type_limits(), {}, 0);
  for (const SetView& set : query->sets) {
    set.VisitUntil([&](std::string_view member) {
      all.Add(member);
      return all.view().size() < query->limit;
    });
  }
  call.reply.Integer(static_cast<int64_t>(std::min<uint64_t>(all.view().size(), query->limit)));
}

constexpr std::string_view kAnyOrder = "nondeterministic_output_order";
constexpr std::string_view kIntersectionCost = "O(N*M): N members of the smallest set, M sets";
constexpr std::string_view kAllMembersCost = "O(N) in the members of all sets";

constexpr Command kSetJoinCommands[] = {
    {.name = "sdiff",
     .arity = -2,
     .flags = kReadOnly,
     .keys = KeysToEnd(kKeyRO | kKeyAccess),
     .group = Group::kSet,
     .tips = kAnyOrder,
     .since = "1.0.0",
     .complexity = kAllMembersCost,
     .syntax = "key [key ...]",
     .summary = "Returns the members of the first set that are in none of the others.",
     .run = Data(SDiff)},
    {.name = "sdiffcard",
     .arity = -3,
     .flags = kReadOnly,
     .keys = CountedKeys(kKeyRO | kKeyAccess),
     .group = Group::kSet,
     .since = "8.10.0",
     .complexity = kAllMembersCost,
     .syntax = "numkeys key [key ...] [LIMIT limit]",
     .summary = "Counts the members of the first set that are in none of the others.",
     .run = Data(SDiffCard)},
    {.name = "sdiffstore",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyOW | kKeyUpdate),
     .more_keys = KeysToEnd(kKeyRO | kKeyAccess, 2),
     .group = Group::kSet,
     .since = "1.0.0",
     .complexity = kAllMembersCost,
     .syntax = "destination key [key ...]",
     .summary = "Stores the result of SDIFF.",
     .run = Data(SDiffStore)},
    {.name = "sinter",
     .arity = -2,
     .flags = kReadOnly,
     .keys = KeysToEnd(kKeyRO | kKeyAccess),
     .group = Group::kSet,
     .tips = kAnyOrder,
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
    {.name = "sunion",
     .arity = -2,
     .flags = kReadOnly,
     .keys = KeysToEnd(kKeyRO | kKeyAccess),
     .group = Group::kSet,
     .tips = kAnyOrder,
     .since = "1.0.0",
     .complexity = kAllMembersCost,
     .syntax = "key [key ...]",
     .summary = "Returns the members that are in any of the sets.",
     .run = Data(SUnion)},
    {.name = "sunioncard",
     .arity = -3,
     .flags = kReadOnly,
     .keys = CountedKeys(kKeyRO | kKeyAccess),
     .group = Group::kSet,
     .since = "8.10.0",
     .complexity = kAllMembersCost,
     .syntax = "numkeys key [key ...] [APPROX] [LIMIT limit]",
     .summary = "Counts the members that are in any of the sets.",
     .run = Data(SUnionCard)},
    {.name = "sunionstore",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyOW | kKeyUpdate),
     .more_keys = KeysToEnd(kKeyRO | kKeyAccess, 2),
     .group = Group::kSet,
     .since = "1.0.0",
     .complexity = kAllMembersCost,
     .syntax = "destination key [key ...]",
     .summary = "Stores the result of SUNION.",
     .run = Data(SUnionStore)},
};
static_assert(RowsAreSound(kSetJoinCommands));

}  // namespace

std::span<const Command> SetJoinCommands() { return kSetJoinCommands; }

}  // namespace ringkv::server
