// SPDX-License-Identifier: MIT
// LMOVEM and BLMOVEM: several elements from one list to another at once.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "server/blocking/key_wait.h"
#include "server/blocking/waiting_call.h"
#include "server/commands/families.h"
#include "server/commands/pops.h"
#include "storage/effects/key_event.h"
#include "storage/types/list.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::ListPush;
using storage::ListSet;
using storage::ListTake;
using storage::ListView;
using storage::Place;
using storage::ValueType;

struct ManyMove {
  bool from_front = false;
  bool to_front = false;
  size_t count = 1;
  bool is_exact = false;    // as many, or none
  bool one_by_one = false;  // each is pushed before the next one is taken

  bool IsMet(size_t size) const { return is_exact ? size >= count : size > 0; }
};

// The ends. False with the error written.
bool ParseEnds(DataCall& call, ManyMove* move) {
  call.args.Skip(2);
  if (TakeEnd(call.args, &move->from_front) && TakeEnd(call.args, &move->to_front)) return true;
  call.reply.Error(errors::kSyntax);
  return false;
}

// What stands behind them: how many, and how. False with the error written.
bool ParseHowMany(DataCall& call, ManyMove* move) {
  Arguments& args = call.args;
  if (args.AtEnd()) return true;
  move->is_exact = args.TakeWithValue("EXACTLY");
  if (move->is_exact || args.TakeWithValue("COUNT")) {
    const std::optional<int64_t> count = resp::ParseInteger(args.Next());
    if (!count || *count < 1) {
      call.reply.Error(errors::kCountNotPositive);
      return false;
    }
    move->count = static_cast<size_t>(*count);
    move->one_by_one = args.Take("OBO");
    if ((move->one_by_one || args.Take("BULK")) && args.AtEnd()) return true;
  }
  call.reply.Error(errors::kSyntax);
  return false;
}

// The elements that move, in the order in which they will stand in the destination.
std::vector<std::string> ElementsToMove(const ListView& list, const ManyMove& move) {
  std::vector<std::string> elements;
  size_t left = std::min(move.count, list.size());
  list.VisitFrom(move.from_front ? 0 : list.size() - 1, !move.from_front, [&](std::string_view element) {
    elements.emplace_back(element);
    return --left > 0;
  });
  const bool is_turned = move.one_by_one ? move.to_front : !move.from_front;
  if (is_turned) std::reverse(elements.begin(), elements.end());
  return elements;
}

// At the same end of one list the elements only change places.
void PutBack(DataCall& call, Place& list, const ManyMove& move, const std::vector<std::string>& elements) {
  if (!move.one_by_one) return;
  const size_t first = move.from_front ? 0 : ListView(list.entry_or_null()).size() - elements.size();
  for (size_t i = 0; i < elements.size(); ++i) call.txn.Do(list, ListSet{first + i, elements[i]}, events::kLSet);
}

void Push(DataCall& call, Place& to, const ManyMove& move, const std::vector<std::string>& elements) {
  for (size_t i = 0; i < elements.size(); ++i) {
    const std::string& element = elements[move.to_front ? elements.size() - 1 - i : i];
    call.txn.Do(to, ListPush{element, move.to_front}, move.to_front ? events::kLPush : events::kRPush);
  }
}

void MoveMany(DataCall& call, Place& from, const ManyMove& move) {
  std::optional<Place> to = FindTyped(call, ValueType::kList, call.args[2], Intent::kWrite);
  if (!to) return;
  const size_t size = ListView(from.entry_or_null()).size();
  if (call.TakesLong(std::min(move.count, size) * kStepsOfInsertion)) return;
  const std::vector<std::string> elements = ElementsToMove(ListView(from.entry_or_null()), move);
  const bool is_same = call.args[1] == call.args[2];
  if (is_same && move.from_front == move.to_front) {
    PutBack(call, from, move, elements);
  } else {
    // In this order a list that gives to itself is never empty in between, which would take its expiry.
    Push(call, is_same ? from : *to, move, elements);
    call.txn.Do(from, ListTake{elements.size(), move.from_front}, move.from_front ? events::kLPop : events::kRPop);
  }
  call.reply.Array(static_cast<int64_t>(elements.size()));
  for (const std::string& element : elements) call.reply.Bulk(element);
}

void LMoveM(DataCall& call) {
  ManyMove move;
  if (!ParseEnds(call, &move) || !ParseHowMany(call, &move)) return;
  std::optional<Place> from = FindTyped(call, ValueType::kList, call.args[1], Intent::kWrite);
  if (!from) return;
  if (move.IsMet(ListView(from->entry_or_null()).size())) return MoveMany(call, *from, move);
  move.is_exact ? call.reply.NullArray() : call.reply.Array(0);
}

void BLMoveM(DataCall& call) {
  ManyMove move;
  if (!ParseEnds(call, &move)) return;
  const std::string_view timeout = call.args.Next();
  if (!ParseHowMany(call, &move)) return;
  const std::optional<int64_t> deadline_ms = ParseDeadline(call, timeout);
  if (!deadline_ms) return;
  std::optional<Place> from = FindAwaited(call, ValueType::kList, call.args[1]);
  if (!from) return;
  if (*from && move.IsMet(ListView(from->entry_or_null()).size())) return MoveMany(call, *from, move);
  WaitForKeys(call, ValueType::kList, *deadline_ms);
  if (call.wait != nullptr) call.wait->sought = ElementsSoughtIn(call.args[1], move.is_exact ? move.count : 1);
}

constexpr std::string_view kMoveCost = "O(N) in the number of elements moved";

constexpr Command kListMoveCommands[] = {
    {.name = "blmovem",
     .arity = -6,
     .flags = kWrite | kDenyOom | kNoScript | kBlocking,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .more_keys = OneKey(kKeyRW | kKeyInsert, 2),
     .group = Group::kList,
     .since = "8.10.0",
     .complexity = kMoveCost,
     .syntax =
         "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout [<COUNT count | EXACTLY exactly> <OBO | BULK>]",
     .summary = "Pops elements from one list and pushes them to another; blocks until there are some, or enough.",
     .run = Data(BLMoveM)},
    {.name = "lmovem",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .more_keys = OneKey(kKeyRW | kKeyInsert, 2),
     .group = Group::kList,
     .since = "8.10.0",
     .complexity = kMoveCost,
     .syntax = "source destination <LEFT | RIGHT> <LEFT | RIGHT> [<COUNT count | EXACTLY exactly> <OBO | BULK>]",
     .summary = "Pops elements from one list and pushes them to another, one by one or all at once.",
     .run = Data(LMoveM)},
};
static_assert(RowsAreSound(kListMoveCommands));

}  // namespace

std::span<const Command> ListMoveCommands() { return kListMoveCommands; }

}  // namespace ringkv::server
