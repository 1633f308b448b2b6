// SPDX-License-Identifier: MIT
// Lists: elements in an order, to be added and taken at both ends.
#include "storage/types/list.h"

#include <algorithm>
#include <string>
#include <vector>

#include "server/command/typed_key.h"
#include "server/commands/families.h"
#include "server/commands/pops.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::EffectResult;
using storage::Intent;
using storage::ListInsert;
using storage::ListPush;
using storage::ListRemove;
using storage::ListSet;
using storage::ListTake;
using storage::ListView;
using storage::Place;

std::optional<Place> FindList(DataCall& call, std::string_view key, Intent intent) {
  return FindTyped(call, storage::ValueType::kList, key, intent);
}

int64_t SizeOf(const Place& place) { return static_cast<int64_t>(ListView(place.entry_or_null()).size()); }

// Elements are compared faster than they are written to a reply.
uint64_t StepsToFind(const Place& place) { return static_cast<uint64_t>(SizeOf(place)) / 2; }

// --- at the ends ----------------------------------------------------------------------------------------------------

void Push(DataCall& call, bool at_front, bool only_if_there) {
  std::optional<Place> found = FindList(call, call.args[1], Intent::kWrite);
  if (!found) return;
  if (only_if_there && !*found) return call.reply.Integer(0);
  auto size = static_cast<uint64_t>(SizeOf(*found));
  for (size_t i = 2; i < call.args.size(); ++i, ++size) {
    call.txn.Do(*found, ListPush{call.args[i], at_front}, at_front ? events::kLPush : events::kRPush);
  }
  call.reply.Integer(static_cast<int64_t>(size));
}

void LPush(DataCall& call) { Push(call, true, false); }
void RPush(DataCall& call) { Push(call, false, false); }
void LPushX(DataCall& call) { Push(call, true, true); }
void RPushX(DataCall& call) { Push(call, false, true); }

void Pop(DataCall& call, bool from_front) {
  if (call.args.size() > 3) {
    return call.reply.Error(errors::WrongArity(from_front ? "lpop" : "rpop"));
  }
  std::optional<int64_t> count;
  if (call.args.size() == 3) {
    count = resp::ParseInteger(call.args[2]);
    if (!count || *count < 0) return call.reply.Error(errors::kNotPositive);
  }
  std::optional<Place> found = FindList(call, call.args[1], Intent::kWrite);
  if (!found) return;
  if (!*found) return count ? call.reply.NullArray() : call.reply.Null();
  const size_t taken = std::min(static_cast<size_t>(count.value_or(1)), static_cast<size_t>(SizeOf(*found)));
  if (call.TakesLong(taken)) return;
  if (count) return ReplyElements(call, *found, static_cast<size_t>(*count), from_front);
  ReplyElement(call, *found, from_front);
}

void LPop(DataCall& call) { Pop(call, true); }
void RPop(DataCall& call) { Pop(call, false); }

void LMPop(DataCall& call) {
  const std::optional<PopQuery> query = ParsePopQuery(call, 1, "LEFT", "RIGHT");
  if (!query) return;
  for (size_t i = query->first; i < query->end; ++i) {
    std::optional<Place> found = FindList(call, call.args[i], Intent::kWrite);
    if (!found) return;
    if (!*found) continue;
    if (call.TakesLong(std::min(query->count, static_cast<size_t>(SizeOf(*found))))) return;
    call.reply.Array(2);
    call.reply.Bulk(call.args[i]);
    return ReplyElements(call, *found, query->count, query->first_end);
  }
  call.reply.NullArray();
}

void Move(DataCall& call, bool from_front, bool to_front) {
  std::optional<Place> from = FindList(call, call.args[1], Intent::kWrite);
  if (!from) return;
  if (!*from) return call.reply.Null();
  MoveElement(call, *from, from_front, to_front);
}

void LMove(DataCall& call) {
  bool from_front = false;
  bool to_front = false;
  call.args.Skip(2);
  if (!TakeEnd(call.args, &from_front) || !TakeEnd(call.args, &to_front)) return call.reply.Error(errors::kSyntax);
  Move(call, from_front, to_front);
}

void RPopLPush(DataCall& call) { Move(call, false, true); }

// --- anywhere -------------------------------------------------------------------------------------------------------

void LLen(DataCall& call) {
  const std::optional<Place> found = FindList(call, call.args[1], Intent::kRead);
  if (found) call.reply.Integer(SizeOf(*found));
}

// The element's number, counted from the end if it is below zero; nothing if there is no such element.
std::optional<size_t> Resolve(int64_t index, int64_t size) {
  if (index < 0) index += size;
  if (index < 0 || index >= size) return std::nullopt;
  return static_cast<size_t>(index);
}

void LIndex(DataCall& call) {
  const std::optional<Place> found = FindList(call, call.args[1], Intent::kRead);
  if (!found) return;
  if (!*found) return call.reply.Null();
  const std::optional<int64_t> index = resp::ParseInteger(call.args[2]);
  if (!index) return call.reply.Error(errors::kNotInteger);
  const std::optional<size_t> resolved = Resolve(*index, SizeOf(*found));
  if (!resolved) return call.reply.Null();
  std::string buffer;
  call.reply.Bulk(ListView(found->entry_or_null()).At(*resolved, &buffer));
}

void LSet(DataCall& call) {
  std::optional<Place> found = FindList(call, call.args[1], Intent::kWrite);
  if (!found) return;
  if (!*found) return call.reply.Error(errors::kNoSuchKey);
  const std::optional<int64_t> index = resp::ParseInteger(call.args[2]);
  if (!index) return call.reply.Error(errors::kNotInteger);
  const std::optional<size_t> resolved = Resolve(*index, SizeOf(*found));
  if (!resolved) return call.reply.Error("ERR index out of range");
  call.txn.Do(*found, ListSet{*resolved, call.args[3]}, events::kLSet);
  call.reply.Ok();
}

// Elements [first, first + count) of what the two bounds of LRANGE and LTRIM say.
struct Stretch {
  size_t first = 0;
  size_t count = 0;
};

Stretch StretchOf(int64_t first, int64_t last, int64_t size) {
  if (first < 0) first = std::max<int64_t>(first + size, 0);
  if (last < 0) last += size;
  last = std::min(last, size - 1);
  if (first > last || first >= size) return {};
  return {static_cast<size_t>(first), static_cast<size_t>(last - first + 1)};
}

void LRange(DataCall& call) {
  const std::optional<int64_t> first = resp::ParseInteger(call.args[2]);
  const std::optional<int64_t> last = resp::ParseInteger(call.args[3]);
  if (!first || !last) return call.reply.Error(errors::kNotInteger);
  const std::optional<Place> found = FindList(call, call.args[1], Intent::kRead);
  if (!found) return;
  Stretch left = StretchOf(*first, *last, SizeOf(*found));
  if (call.TakesLong(left.count)) return;
  call.reply.Array(static_cast<int64_t>(left.count));
  if (left.count == 0) return;
  ListView(found->entry_or_null()).VisitFrom(left.first, false, [&](std::string_view element) {
    call.reply.Bulk(element);
    return --left.count > 0;
  });
}

void LTrim(DataCall& call) {
  const std::optional<int64_t> first = resp::ParseInteger(call.args[2]);
  const std::optional<int64_t> last = resp::ParseInteger(call.args[3]);
  if (!first || !last) return call.reply.Error(errors::kNotInteger);
  std::optional<Place> found = FindList(call, call.args[1], Intent::kWrite);
  if (!found) return;
  const auto size = static_cast<size_t>(SizeOf(*found));
  const Stretch kept = StretchOf(*first, *last, SizeOf(*found));
  if (*found && kept.count == 0) {
    call.txn.Do(*found, ListTake{size, true}, events::kLTrim);
  } else if (*found) {
    const size_t end = kept.first + kept.count;
    if (end < size) call.txn.Do(*found, ListTake{size - end, false}, events::kLTrim);
    if (kept.first > 0) call.txn.Do(*found, ListTake{kept.first, true}, events::kLTrim);
    if (kept.count == size) call.txn.Touch(*found, events::kLTrim);
  }
  call.reply.Ok();
}

void LInsert(DataCall& call) {
  call.args.Skip(1);
  const bool behind = call.args.Take("AFTER");
  if (!behind && !call.args.Take("BEFORE")) return call.reply.Error(errors::kSyntax);
  std::optional<Place> found = FindList(call, call.args[1], Intent::kWrite);
  if (!found) return;
  if (!*found) return call.reply.Integer(0);
  if (call.TakesLong(StepsToFind(*found))) return;
  if (call.txn.Do(*found, ListInsert{call.args[3], call.args[4], behind}, events::kLInsert) ==
      EffectResult::kUnchanged) {
    return call.reply.Integer(-1);
  }
  call.reply.Integer(SizeOf(*found));
}

void LRem(DataCall& call) {
  const std::optional<int64_t> count = resp::ParseInteger(call.args[2]);
  if (!count) return call.reply.Error(errors::kNotInteger);
  std::optional<Place> found = FindList(call, call.args[1], Intent::kWrite);
  if (!found) return;
  if (!*found) return call.reply.Integer(0);
  if (call.TakesLong(StepsToFind(*found))) return;
  const int64_t before = SizeOf(*found);
  const auto number = static_cast<uint64_t>(*count);
  const uint64_t most = *count < 0 ? uint64_t{0} - number : number;
  call.txn.Do(*found, ListRemove{.element = call.args[3], .most = most, .from_back = *count < 0}, events::kLRem);
  call.reply.Integer(before - SizeOf(*found));
}

// --- LPOS -----------------------------------------------------------------------------------------------------------

struct PositionOptions {
  int64_t rank = 1;
  std::optional<int64_t> count = {};
  int64_t most_looked_at = 0;  // 0: all
};

// A number behind a word that must not be below zero; nothing with the error written.
std::optional<int64_t> TakeCount(DataCall& call, std::string_view error) {
  const std::optional<int64_t> count = resp::ParseInteger(call.args.Next());
  if (count && *count >= 0) return count;
  call.reply.Error(error);
  return std::nullopt;
}

bool ParsePositionOptions(DataCall& call, PositionOptions* options) {
  call.args.Skip(2);
  while (!call.args.AtEnd()) {
    if (call.args.TakeWithValue("RANK")) {
      const std::optional<int64_t> rank = resp::ParseInteger(call.args.Next());
      if (!rank || *rank == INT64_MIN) {
        call.reply.Error(!rank ? errors::kNotInteger : errors::kNotPickCount);
        return false;
      }
      if (*rank == 0) {
        call.reply.Error(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to "
            "start from the end of the list");
        return false;
      }
      options->rank = *rank;
    } else if (call.args.TakeWithValue("COUNT")) {
      options->count = TakeCount(call, "ERR COUNT can't be negative");
      if (!options->count) return false;
    } else if (call.args.TakeWithValue("MAXLEN")) {
      const std::optional<int64_t> most = TakeCount(call, "ERR MAXLEN can't be negative");
      if (!most) return false;
      options->most_looked_at = *most;
    } else {
      call.reply.Error(errors::kSyntax);
      return false;
    }
  }
  return true;
}

void LPos(DataCall& call) {
  PositionOptions options;
  if (!ParsePositionOptions(call, &options)) return;
  const std::optional<Place> found = FindList(call, call.args[1], Intent::kRead);
  if (!found) return;
  if (!*found) return options.count ? call.reply.Array(0) : call.reply.Null();
  const ListView list(found->entry_or_null());
  const auto size = static_cast<int64_t>(list.size());
  const bool looks_at_all = options.most_looked_at == 0 || options.most_looked_at > size;
  if (call.TakesLong(looks_at_all ? StepsToFind(*found) : static_cast<uint64_t>(options.most_looked_at))) return;
  const bool downwards = options.rank < 0;
  int64_t to_skip = (downwards ? -options.rank : options.rank) - 1;
  int64_t looked_at = 0;
  const int64_t wanted = options.count.value_or(1);
  std::vector<int64_t> positions;
  list.VisitFrom(static_cast<size_t>(downwards ? size - 1 : 0), downwards, [&](std::string_view element) {
    const int64_t at = downwards ? size - 1 - looked_at : looked_at;
    ++looked_at;
    if (element == call.args[2] && to_skip-- <= 0) positions.push_back(at);
    const bool has_all = wanted != 0 && static_cast<int64_t>(positions.size()) == wanted;
    return !has_all && looked_at != options.most_looked_at;
  });
  if (!options.count) return positions.empty() ? call.reply.Null() : call.reply.Integer(positions[0]);
  call.reply.Array(static_cast<int64_t>(positions.size()));
  for (const int64_t position : positions) call.reply.Integer(position);
}

constexpr std::string_view kEndCost = "O(N) in the number of elements given";
constexpr std::string_view kMiddleCost = "O(N) in the distance from the nearer end";

constexpr Command kListCommands[] = {
    {.name = "lindex",
     .arity = 3,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kList,
     .since = "1.0.0",
     .complexity = kMiddleCost,
     .syntax = "key index",
     .summary = "Returns the element at an index.",
     .run = Data(LIndex)},
    {.name = "linsert",
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRW | kKeyInsert),
     .group = Group::kList,
     .since = "2.2.0",
     .complexity = "O(N) in the elements before the pivot",
     .syntax = "key <BEFORE | AFTER> pivot element",
     .summary = "Inserts an element before or after another one.",
     .run = Data(LInsert)},
    {.name = "llen",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO),
     .group = Group::kList,
     .since = "1.0.0",
     .syntax = "key",
     .summary = "Counts the elements.",
     .run = Data(LLen)},
    {.name = "lmove",
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .more_keys = OneKey(kKeyRW | kKeyInsert, 2),
     .group = Group::kList,
     .since = "6.2.0",
     .syntax = "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
     .summary = "Pops an element from one list and pushes it to another.",
     .run = Data(LMove)},
    {.name = "lmpop",
     .arity = -4,
     .flags = kWrite,
     .keys = CountedKeys(kKeyRW | kKeyAccess | kKeyDelete),
     .group = Group::kList,
     .since = "7.0.0",
     .complexity = "O(N+M): N keys, M elements taken",
     .syntax = "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
     .summary = "Pops elements from the first list that is not empty.",
     .run = Data(LMPop)},
    {.name = "lpop",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .group = Group::kList,
     .since = "1.0.0",
     .complexity = "O(N) in the number of elements taken",
     .syntax = "key [count]",
     .summary = "Pops elements from the front.",
     .run = Data(LPop)},
    {.name = "lpos",
     .arity = -3,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kList,
     .since = "6.0.6",
     .complexity = "O(N) in the elements looked at",
     .syntax = "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
     .summary = "Returns the indexes of matching elements.",
     .run = Data(LPos)},
    {.name = "lpush",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyInsert),
     .group = Group::kList,
     .since = "1.0.0",
     .complexity = kEndCost,
     .syntax = "key element [element ...]",
     .summary = "Pushes elements to the front.",
     .run = Data(LPush)},
    {.name = "lpushx",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyInsert),
     .group = Group::kList,
     .since = "2.2.0",
     .complexity = kEndCost,
     .syntax = "key element [element ...]",
     .summary = "Pushes elements to the front if the list exists.",
     .run = Data(LPushX)},
    {.name = "lrange",
     .arity = 4,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kList,
     .since = "1.0.0",
     .complexity = "O(S+N): S away from the nearer end, N elements returned",
     .syntax = "key start stop",
     .summary = "Returns a range of elements.",
     .run = Data(LRange)},
    {.name = "lrem",
     .arity = 4,
     .flags = kWrite,
     .keys = OneKey(kKeyRW | kKeyDelete),
     .group = Group::kList,
     .since = "1.0.0",
     .complexity = "O(N) in the size of the list",
     .syntax = "key count element",
     .summary = "Removes elements equal to the argument.",
     .run = Data(LRem)},
    {.name = "lset",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRW | kKeyUpdate),
     .group = Group::kList,
     .since = "1.0.0",
     .complexity = kMiddleCost,
     .syntax = "key index element",
     .summary = "Sets the element at an index.",
     .run = Data(LSet)},
    {.name = "ltrim",
     .arity = 4,
     .flags = kWrite,
     .keys = OneKey(kKeyRW | kKeyDelete),
     .group = Group::kList,
     .since = "1.0.0",
     .complexity = "O(N) in the number of elements erased",
     .syntax = "key start stop",
     .summary = "Trims a list to a range of elements.",
     .run = Data(LTrim)},
    {.name = "rpop",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .group = Group::kList,
     .since = "1.0.0",
     .complexity = "O(N) in the number of elements taken",
     .syntax = "key [count]",
     .summary = "Pops elements from the back.",
     .run = Data(RPop)},
    {.name = "rpoplpush",
     .arity = 3,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .more_keys = OneKey(kKeyRW | kKeyInsert, 2),
     .group = Group::kList,
     .since = "1.2.0",
     .syntax = "source destination",
     .summary = "Pops an element from the back of a list and pushes it to the front of another.",
     .run = Data(RPopLPush)},
    {.name = "rpush",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyInsert),
     .group = Group::kList,
     .since = "1.0.0",
     .complexity = kEndCost,
     .syntax = "key element [element ...]",
     .summary = "Pushes elements to the back.",
     .run = Data(RPush)},
    {.name = "rpushx",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyInsert),
     .group = Group::kList,
     .since = "2.2.0",
     .complexity = kEndCost,
     .syntax = "key element [element ...]",
     .summary = "Pushes elements to the back if the list exists.",
     .run = Data(RPushX)},
};
static_assert(RowsAreSound(kListCommands));

}  // namespace

std::span<const Command> ListCommands() { return kListCommands; }

}  // namespace ringkv::server
