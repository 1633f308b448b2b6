// SPDX-License-Identifier: MIT
#include "server/commands/pops.h"

#include <algorithm>

#include "server/command/typed_key.h"
#include "storage/effects/key_event.h"
#include "storage/types/list.h"
#include "storage/types/sorted_set.h"

namespace ringkv::server {

namespace events = storage::events;
using storage::ListPush;
using storage::ListTake;
using storage::ListView;
using storage::Place;
using storage::SortedSetView;

namespace {

const storage::KeyEvent& EventOfPush(bool front) { return front ? events::kLPush : events::kRPush; }
const storage::KeyEvent& EventOfPop(bool front) { return front ? events::kLPop : events::kRPop; }

}  // namespace

std::optional<PopQuery> ParsePopQuery(DataCall& call, size_t number_at, std::string_view first_end,
                                      std::string_view last_end) {
  const auto fail = [&](std::string_view error) {
    call.reply.Error(error);
    return std::nullopt;
  };
  const std::optional<int64_t> number = resp::ParseInteger(call.args[number_at]);
  if (!number || *number < 1) return fail(errors::kNumKeys);
  const size_t behind = call.args.size() - number_at - 1;
  if (static_cast<uint64_t>(*number) >= behind) return fail(errors::kSyntax);
  PopQuery query{.first = number_at + 1, .end = number_at + 1 + static_cast<size_t>(*number)};
  call.args.Skip(query.end - 1);
  query.first_end = call.args.Take(first_end);
  if (!query.first_end && !call.args.Take(last_end)) return fail(errors::kSyntax);
  if (call.args.AtEnd()) return query;
  if (!call.args.TakeWithValue("COUNT")) return fail(errors::kSyntax);
  const std::optional<int64_t> count = resp::ParseInteger(call.args.Next());
  if (!count || *count < 1) return fail(errors::kCountNotPositive);
  if (!call.args.AtEnd()) return fail(errors::kSyntax);
  query.count = static_cast<size_t>(*count);
  return query;
}

bool TakeEnd(Arguments& args, bool* is_front) {
  *is_front = args.Take("LEFT");
  return *is_front || args.Take("RIGHT");
}

void ReplyElement(DataCall& call, Place& place, bool from_front) {
  const ListView list(place.entry_or_null());
  std::string buffer;
  call.reply.Bulk(list.At(from_front ? 0 : list.size() - 1, &buffer));
  call.txn.Do(place, ListTake{1, from_front}, EventOfPop(from_front));
}

void ReplyElements(DataCall& call, Place& place, size_t count, bool from_front) {
  const ListView list(place.entry_or_null());
  const size_t size = list.size();
  const size_t taken = std::min(count, size);
  call.reply.Array(static_cast<int64_t>(taken));
  if (taken == 0) return;
  size_t left = taken;
  list.VisitFrom(from_front ? 0 : size - 1, !from_front, [&](std::string_view element) {
    call.reply.Bulk(element);
    return --left > 0;
  });
  call.txn.Do(place, ListTake{taken, from_front}, EventOfPop(from_front));
}

void MoveElement(DataCall& call, Place& from, bool from_front, bool to_front) {
  std::optional<Place> to = FindTyped(call, storage::ValueType::kList, call.args[2], storage::Intent::kWrite);
  if (!to) return;
  const ListView list(from.entry_or_null());
  std::string buffer;
  const std::string element(list.At(from_front ? 0 : list.size() - 1, &buffer));
  // In this order a list that gives to itself is never empty in between, which would take its expiry.
  call.txn.Do(call.args[1] == call.args[2] ? from : *to, ListPush{element, to_front}, EventOfPush(to_front));
  call.txn.Do(from, ListTake{1, from_front}, EventOfPop(from_front));
  call.reply.Bulk(element);
}

std::string ElementsSoughtIn(std::string_view source, size_t least) {
  return std::to_string(least).append(1, '\0').append(source);
}

void TakeAll(DataCall& call, Place& place, const storage::KeyEvent& event) {
  call.txn.Tell(place, event);
  call.txn.Do(place, storage::Erase{}, events::kDel);
}

std::vector<ScoredMember> PopMembers(DataCall& call, Place& place, size_t count, bool highest) {
  const SortedSetView set(place.entry_or_null());
  std::vector<ScoredMember> popped;
  set.VisitRange(highest ? set.size() - 1 : 0, count, highest, [&](std::string_view name, double score) {
    popped.push_back({std::string(name), score});
  });
  const storage::KeyEvent& event = highest ? events::kZPopMax : events::kZPopMin;
  for (const ScoredMember& each : popped) call.txn.Do(place, storage::SortedSetErase{each.name}, event);
  return popped;
}

void ReplyPopped(DataCall& call, std::string_view key, const std::vector<ScoredMember>& popped) {
  call.reply.Array(2);
  call.reply.Bulk(key);
  call.reply.Array(static_cast<int64_t>(popped.size()));
  for (const ScoredMember& each : popped) {
    call.reply.Array(2);
    call.reply.Bulk(each.name);
    call.reply.Double(each.score);
  }
}

}  // namespace ringkv::server
