// SPDX-License-Identifier: MIT
// Commands that take an element, and wait for one if there is none.
#include <vector>

#include "server/blocking/key_wait.h"
#include "server/blocking/waiting_call.h"
#include "server/commands/families.h"
#include "server/commands/pops.h"

namespace ringkv::server {
namespace {

using storage::Place;
using storage::ValueType;

// Takes from the first of the keys at [first, end) that has anything, by `take(place, key)`; or waits.
template <typename Take>
void TakeOrWait(DataCall& call, ValueType type, size_t first, size_t end, int64_t deadline_ms, Take&& take) {
  for (size_t i = first; i < end; ++i) {
    std::optional<Place> found = FindAwaited(call, type, call.args[i]);
    if (!found) return;
    if (*found) return take(*found, call.args[i]);
  }
  WaitForKeys(call, type, deadline_ms);
}

// --- one element ----------------------------------------------------------------------------------------------------

// Keys, and the time-out behind them.
void PopElement(DataCall& call, bool from_front) {
  const size_t last = call.args.size() - 1;
  const std::optional<int64_t> deadline_ms = ParseDeadline(call, call.args[last]);
  if (!deadline_ms) return;
  TakeOrWait(call, ValueType::kList, 1, last, *deadline_ms, [&](Place& place, std::string_view key) {
    call.reply.Array(2);
    call.reply.Bulk(key);
    ReplyElement(call, place, from_front);
  });
}

void BLPop(DataCall& call) { PopElement(call, true); }
void BRPop(DataCall& call) { PopElement(call, false); }

void PopMember(DataCall& call, bool highest) {
  const size_t last = call.args.size() - 1;
  const std::optional<int64_t> deadline_ms = ParseDeadline(call, call.args[last]);
  if (!deadline_ms) return;
  TakeOrWait(call, ValueType::kSortedSet, 1, last, *deadline_ms, [&](Place& place, std::string_view key) {
    const std::vector<ScoredMember> popped = PopMembers(call, place, 1, highest);
    call.reply.Array(3);
    call.reply.Bulk(key);
    call.reply.Bulk(popped[0].name);
    call.reply.Double(popped[0].score);
  });
}

void BZPopMin(DataCall& call) { PopMember(call, false); }
void BZPopMax(DataCall& call) { PopMember(call, true); }

// --- several elements -----------------------------------------------------------------------------------------------

void BLMPop(DataCall& call) {
  const std::optional<PopQuery> query = ParsePopQuery(call, 2, "LEFT", "RIGHT");
  if (!query) return;
  const std::optional<int64_t> deadline_ms = ParseDeadline(call, call.args[1]);
  if (!deadline_ms) return;
  TakeOrWait(call, ValueType::kList, query->first, query->end, *deadline_ms, [&](Place& place, std::string_view key) {
    call.reply.Array(2);
    call.reply.Bulk(key);
    ReplyElements(call, place, query->count, query->first_end);
  });
}

void BZMPop(DataCall& call) {
  const std::optional<PopQuery> query = ParsePopQuery(call, 2, "MIN", "MAX");
  if (!query) return;
  const std::optional<int64_t> deadline_ms = ParseDeadline(call, call.args[1]);
  if (!deadline_ms) return;
  TakeOrWait(call, ValueType::kSortedSet, query->first, query->end, *deadline_ms,
             [&](Place& place, std::string_view key) {
               ReplyPopped(call, key, PopMembers(call, place, query->count, !query->first_end));
             });
}

// --- from list to list ----------------------------------------------------------------------------------------------

void MoveOrWait(DataCall& call, bool from_front, bool to_front, std::string_view timeout) {
  const std::optional<int64_t> deadline_ms = ParseDeadline(call, timeout);
  if (!deadline_ms) return;
  std::optional<Place> from = FindAwaited(call, ValueType::kList, call.args[1]);
  if (!from) return;
  if (!*from) {
    WaitForKeys(call, ValueType::kList, *deadline_ms, false);
    if (call.wait != nullptr) call.wait->sought = ElementsSoughtIn(call.args[1], 1);
    return;
  }
  MoveElement(call, *from, from_front, to_front);
}

void BLMove(DataCall& call) {
  bool from_front = false;
  bool to_front = false;
  call.args.Skip(2);
  if (!TakeEnd(call.args, &from_front) || !TakeEnd(call.args, &to_front)) return call.reply.Error(errors::kSyntax);
  MoveOrWait(call, from_front, to_front, call.args[5]);
}

void BRPopLPush(DataCall& call) { MoveOrWait(call, false, true, call.args[3]); }

constexpr KeySpec kKeysBeforeTimeout = {kKeyRW | kKeyAccess | kKeyDelete, 1, -2, 1};

constexpr Command kBlockingCommands[] = {
    {.name = "blmove",
     .arity = 6,
     .flags = kWrite | kDenyOom | kNoScript | kBlocking,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .more_keys = OneKey(kKeyRW | kKeyInsert, 2),
     .group = Group::kList,
     .since = "6.2.0",
     .syntax = "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
     .summary = "Pops an element from one list and pushes it to another; blocks until one is available.",
     .run = Data(BLMove)},
    {.name = "blmpop",
     .arity = -5,
     .flags = kWrite | kBlocking,
     .keys = CountedKeys(kKeyRW | kKeyAccess | kKeyDelete, 2),
     .group = Group::kList,
     .since = "7.0.0",
     .complexity = "O(N+M): N keys, M elements taken",
     .syntax = "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
     .summary = "Pops elements from the first list that is not empty; blocks until one is.",
     .run = Data(BLMPop)},
    {.name = "blpop",
     .arity = -3,
     .flags = kWrite | kNoScript | kBlocking,
     .keys = kKeysBeforeTimeout,
     .group = Group::kList,
     .since = "2.0.0",
     .complexity = "O(N) in the number of keys",
     .syntax = "key [key ...] timeout",
     .summary = "Pops an element from the front of the first list that is not empty; blocks until one is.",
     .run = Data(BLPop)},
    {.name = "brpop",
     .arity = -3,
     .flags = kWrite | kNoScript | kBlocking,
     .keys = kKeysBeforeTimeout,
     .group = Group::kList,
     .since = "2.0.0",
     .complexity = "O(N) in the number of keys",
     .syntax = "key [key ...] timeout",
     .summary = "Pops an element from the back of the first list that is not empty; blocks until one is.",
     .run = Data(BRPop)},
    {.name = "brpoplpush",
     .arity = 4,
     .flags = kWrite | kDenyOom | kNoScript | kBlocking,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .more_keys = OneKey(kKeyRW | kKeyInsert, 2),
     .group = Group::kList,
     .since = "2.2.0",
     .syntax = "source destination timeout",
     .summary = "Pops an element from the back of a list and pushes it to the front of another; blocks until one is "
                "available.",
     .run = Data(BRPopLPush)},
    {.name = "bzmpop",
     .arity = -5,
     .flags = kWrite | kBlocking,
     .keys = CountedKeys(kKeyRW | kKeyAccess | kKeyDelete, 2),
     .group = Group::kSortedSet,
     .since = "7.0.0",
     .complexity = "O(K) + O(M*log N): K keys, M members taken",
     .syntax = "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]",
     .summary = "Pops members from the first sorted set that is not empty; blocks until one is.",
     .run = Data(BZMPop)},
    {.name = "bzpopmax",
     .arity = -3,
     .flags = kWrite | kFast | kNoScript | kBlocking,
     .keys = kKeysBeforeTimeout,
     .group = Group::kSortedSet,
     .since = "5.0.0",
     .complexity = "O(log N)",
     .syntax = "key [key ...] timeout",
     .summary =
         "Pops the member with the highest score from the first sorted set that is not empty; blocks until one is.",
     .run = Data(BZPopMax)},
    {.name = "bzpopmin",
     .arity = -3,
     .flags = kWrite | kFast | kNoScript | kBlocking,
     .keys = kKeysBeforeTimeout,
     .group = Group::kSortedSet,
     .since = "5.0.0",
     .complexity = "O(log N)",
     .syntax = "key [key ...] timeout",
     .summary =
         "Pops the member with the lowest score from the first sorted set that is not empty; blocks until one is.",
     .run = Data(BZPopMin)},
};
static_assert(RowsAreSound(kBlockingCommands));

}  // namespace

std::span<const Command> BlockingCommands() { return kBlockingCommands; }

}  // namespace ringkv::server
