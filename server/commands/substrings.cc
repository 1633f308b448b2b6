// SPDX-License-Identifier: MIT
// Parts of strings, and their length.
#include <algorithm>
#include <cstdint>

#include "server/command/error_replies.h"
#include "server/command/long_steps.h"
#include "server/command/typed_key.h"
#include "server/commands/families.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::Place;
using storage::StringPatch;
using storage::StringPut;

bool FitsLimit(DataCall& call, uint64_t size) {
  if (size <= static_cast<uint64_t>(call.max_string_bytes)) return true;
  call.reply.Error(errors::kStringTooLong);
  return false;
}

void StrLen(DataCall& call) {
  const std::optional<Place> found = FindString(call, call.args[1], Intent::kRead);
  if (!found) return;
  const Place& place = *found;
  call.reply.Integer(place ? static_cast<int64_t>(place.value().size()) : 0);
}

void GetRange(DataCall& call) {
  const std::optional<int64_t> first = resp::ParseInteger(call.args[2]);
  const std::optional<int64_t> last = resp::ParseInteger(call.args[3]);
  if (!first || !last) return call.reply.Error(errors::kNotInteger);
  const std::optional<Place> found = FindString(call, call.args[1], Intent::kRead);
  if (!found) return;
  const Place& place = *found;
  if (!place) return call.reply.Bulk("");
  const auto length = static_cast<int64_t>(place.value().size());
  int64_t start = *first;
  int64_t end = *last;
  if (start < 0 && end < 0 && start > end) return call.reply.Bulk("");
  if (start < 0) start = std::max<int64_t>(start + length, 0);
  if (end < 0) end = std::max<int64_t>(end + length, 0);
  end = std::min(end, length - 1);
  if (start > end || length == 0) return call.reply.Bulk("");
  const auto bytes = static_cast<size_t>(end - start + 1);
  if (!call.TakesLong(StepsOfBytes(bytes))) call.reply.Bulk(place.value().substr(static_cast<size_t>(start), bytes));
}

void Append(DataCall& call) {
  std::optional<Place> found = FindString(call, call.args[1], Intent::kWrite);
  if (!found) return;
  Place& place = *found;
  if (!place) {
    call.txn.Do(place, StringPut{call.args[2]}, events::kAppend);
  } else {
    const size_t length = place.value().size();
    if (!FitsLimit(call, length + call.args[2].size())) return;
    call.txn.Do(place, StringPatch{length, call.args[2]}, events::kAppend);
  }
  call.reply.Integer(static_cast<int64_t>(place.value().size()));
}

void SetRange(DataCall& call) {
  const std::optional<int64_t> offset = resp::ParseInteger(call.args[2]);
  if (!offset) return call.reply.Error(errors::kNotInteger);
  if (*offset < 0) return call.reply.Error(errors::kOffsetOutOfRange);
  const std::string_view bytes = call.args[3];
  std::optional<Place> found = FindString(call, call.args[1], Intent::kWrite);
  if (!found) return;
  Place& place = *found;
  if (bytes.empty()) return call.reply.Integer(place ? static_cast<int64_t>(place.value().size()) : 0);
  if (!FitsLimit(call, static_cast<uint64_t>(*offset) + bytes.size())) return;
  if (call.TakesLong(StepsToReach(place, static_cast<uint64_t>(*offset)) + StepsOfBytes(bytes.size()))) return;
  call.txn.Do(place, StringPatch{static_cast<uint64_t>(*offset), bytes}, events::kSetRange);
  call.reply.Integer(static_cast<int64_t>(place.value().size()));
}

constexpr Command kSubstringCommands[] = {
    {.name = "append",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyInsert),
     .group = Group::kString,
     .since = "2.0.0",
     .complexity = "O(1), amortised over growing appends",
     .syntax = "key value",
     .summary = "Appends bytes to a string.",
     .run = Data(Append)},
    {.name = "getrange",
     .arity = 4,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kString,
     .since = "2.4.0",
     .complexity = "O(N) in the bytes returned",
     .syntax = "key start end",
     .summary = "Returns a substring.",
     .run = Data(GetRange)},
    {.name = "setrange",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRW | kKeyUpdate),
     .group = Group::kString,
     .since = "2.2.0",
     .complexity = "O(N) in the bytes written",
     .syntax = "key offset value",
     .summary = "Overwrites a part of a string.",
     .run = Data(SetRange)},
    {.name = "strlen",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO),
     .group = Group::kString,
     .since = "2.2.0",
     .syntax = "key",
     .summary = "Returns the length of a string.",
     .run = Data(StrLen)},
    {.name = "substr",
     .arity = 4,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kString,
     .since = "1.0.0",
     .complexity = "O(N) in the bytes returned",
     .syntax = "key start end",
     .summary = "Returns a substring (deprecated; use GETRANGE).",
     .run = Data(GetRange)},
};
static_assert(RowsAreSound(kSubstringCommands));

}  // namespace

std::span<const Command> SubstringCommands() { return kSubstringCommands; }

}  // namespace ringkv::server
