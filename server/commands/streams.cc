// SPDX-License-Identifier: MIT
// Streams: entries with fields, added at the end and read by their IDs.
#include "storage/types/stream.h"

#include <string>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/stream_references.h"
#include "server/commands/stream_reply.h"
#include "storage/effects/key_event.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::EffectResult;
using storage::Intent;
using storage::Place;
using storage::Stream;
using storage::StreamId;
using storage::StreamIn;

// --- XADD and XTRIM -------------------------------------------------------------------------------------------------

struct TrimOptions {
  bool is_given = false;
  bool has_limit = false;
  storage::StreamTrimming trimming;
  std::optional<References> references;  // of what is trimmed; none: as KEEPREF
};

struct AddOptions {
  bool only_if_there = false;
  std::optional<NewStreamId> id;  // none: the stream makes one
  TrimOptions trim;
};

// The number or the ID up to which is trimmed. False with the error written.
bool ParseThreshold(DataCall& call, bool by_length, TrimOptions* options) {
  if (options->is_given) {
    call.reply.Error("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
    return false;
  }
  options->is_given = true;
  options->trimming.whole_blocks = call.args.TakeWithValue("~");
  if (!options->trimming.whole_blocks) call.args.TakeWithValue("=");
  const std::string_view threshold = call.args.Next();
  if (!by_length) {
    const std::optional<StreamId> least = ParseStreamId(threshold);
    if (!least) call.reply.Error(errors::kBadStreamId);
    options->trimming.least = least.value_or(StreamId{});
    return least.has_value();
  }
  const std::optional<int64_t> most = resp::ParseInteger(threshold);
  if (!most) {
    call.reply.Error(errors::kNotInteger);
  } else if (*most < 0) {
    call.reply.Error("ERR The MAXLEN argument must be >= 0.");
  } else {
    options->trimming.most = static_cast<uint64_t>(*most);
    return true;
  }
  return false;
}

bool ParseLimit(DataCall& call, TrimOptions* options) {
  const std::optional<int64_t> limit = resp::ParseInteger(call.args.Next());
  if (!limit || *limit < 0) {
    call.reply.Error(limit ? "ERR The LIMIT argument must be >= 0." : errors::kNotInteger);
    return false;
  }
  options->has_limit = true;
  options->trimming.limit = static_cast<uint64_t>(*limit);
  return true;
}

// The checks that need all options.
bool FinishTrimOptions(DataCall& call, bool must_be_given, TrimOptions* options) {
  if (options->trimming.limit > 0 && !options->is_given) {
    call.reply.Error("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
  } else if (must_be_given && !options->is_given) {
    call.reply.Error("ERR syntax error, XTRIM must be called with a trimming strategy");
  } else if (call.is_repeated) {
    options->trimming.limit = 0;  // the threshold says already how far the other one has come
    return true;
  } else if (!options->trimming.whole_blocks && options->has_limit) {
    call.reply.Error("ERR syntax error, LIMIT cannot be used without the special ~ option");
  } else {
    if (options->trimming.whole_blocks && !options->has_limit) {
      // Not to look at too much at once: a hundred blocks.
      constexpr uint64_t kBlocks = 100;
      constexpr uint64_t kMost = 1'000'000;
      const uint64_t in_block = storage::LimitOf(call.txn.store().type_limits().stream_block_entries);
      options->trimming.limit = in_block == 0 ? kBlocks * 100 : std::min(kBlocks * in_block, kMost);
    }
    return true;
  }
  return false;
}

// Up to the ID and with it.
bool ParseAddOptions(DataCall& call, AddOptions* options) {
  call.args.Skip(1);
  while (!call.args.AtEnd()) {
    if (call.args.Take("*")) break;
    if (call.args.TakeWithValue("MAXLEN")) {
      if (!ParseThreshold(call, true, &options->trim)) return false;
    } else if (call.args.TakeWithValue("MINID")) {
      if (!ParseThreshold(call, false, &options->trim)) return false;
    } else if (call.args.TakeWithValue("LIMIT")) {
      if (!ParseLimit(call, &options->trim)) return false;
    } else if (call.args.Take("NOMKSTREAM")) {
      options->only_if_there = true;
    } else if (TakeReferences(call.args, &options->trim.references)) {
      continue;
    } else {
      options->id = ParseNewStreamId(call.args.Next());
      if (options->id) break;
      call.reply.Error(errors::kBadStreamId);
      return false;
    }
  }
  return FinishTrimOptions(call, false, &options->trim);
}

// The ID that the next entry gets; one that is not greater than the last one says that there can't be any.
StreamId NextId(const std::optional<NewStreamId>& wanted, const StreamId& last, storage::UnixMs now) {
  if (!wanted) {
    const auto ms = static_cast<uint64_t>(now);
    return ms > last.ms ? StreamId{ms, 0} : last.Next();
  }
  if (!wanted->is_seq_open || wanted->id.ms != last.ms) return wanted->id;
  return last.seq == UINT64_MAX ? last : last.Next();
}

// The names and values that are left, as an effect carries them. Nothing if they are too large.
std::optional<std::string> TakeFields(DataCall& call) {
  constexpr size_t kMostBytes = size_t{1} << 30;
  size_t bytes = 0;
  for (size_t i = call.args.size() - call.args.Left(); i < call.args.size(); ++i) bytes += call.args[i].size();
  if (bytes > kMostBytes) return std::nullopt;
  std::string fields;
  fields.reserve(bytes + call.args.Left());
  while (!call.args.AtEnd()) storage::PutText(&fields, call.args.Next());
  return fields;
}

// The entries before this one are no longer pending in any group.
void DropReferencesBefore(DataCall& call, Place& place, const StreamId& least) {
  const Stream& stream = StreamIn(place.entry());
  for (const auto& [name, group] : stream.groups()) {
    for (auto at = group.pending().begin(); at != group.pending().end() && at->first < least;) {
      const StreamId id = (at++)->first;
      if (stream.Contains(id)) call.txn.Do(place, storage::StreamAcknowledge{name, id}, events::kNone);
    }
  }
}

uint64_t Trim(DataCall& call, Place& place, const TrimOptions& options) {
  const Stream& stream = StreamIn(place.entry());
  const size_t before = stream.size();
  if (options.references == References::kForbidding && !stream.groups().empty()) {
    for (const StreamId& id : FindUnreferenced(stream, options.trimming)) {
      call.txn.Do(place, storage::StreamErase{id}, events::kXTrim);
    }
    return before - stream.size();
  }
  const StreamId least = stream.FindTrimEnd(options.trimming);
  if (least == storage::kFirstStreamId) return 0;
  if (options.references == References::kDropped) DropReferencesBefore(call, place, least);
  call.txn.Do(place, storage::StreamTrim{least}, events::kXTrim);
  return before - stream.size();
}

// Where consumer groups are asked for each entry, which may be all of them.
bool TrimTakesLong(DataCall& call, const Place& place, const TrimOptions& options) {
  const bool asks_groups = options.is_given && options.references.value_or(References::kKept) != References::kKept;
  if (!place || !asks_groups) return false;
  const Stream& stream = StreamIn(place.entry());
  return call.TakesLong(stream.groups().size() * stream.size());
}

void XAdd(DataCall& call) {
  AddOptions options;
  if (!ParseAddOptions(call, &options)) return;
  if (call.args.Left() < 2 || call.args.Left() % 2 != 0) {
    return call.reply.Error(errors::WrongArity("xadd"));
  }
  if (options.id && !options.id->is_seq_open && options.id->id == storage::kFirstStreamId) {
    return call.reply.Error("ERR The ID specified in XADD must be greater than 0-0");
  }
  std::optional<Place> found = FindStream(call, call.args[1], Intent::kWrite);
  if (!found) return;
  if (!*found && options.only_if_there) return call.reply.Null();
  const StreamId last = *found ? StreamIn(found->entry()).last_id() : StreamId{};
  if (last == storage::kLastStreamId) {
    return call.reply.Error("ERR The stream has exhausted the last possible ID, unable to add more items");
  }
  const StreamId id = NextId(options.id, last, call.txn.now());
  if (id <= last) {
    return call.reply.Error("ERR The ID specified in XADD is equal or smaller than the target stream top item");
  }
  if (TrimTakesLong(call, *found, options.trim)) return;
  const std::optional<std::string> fields = TakeFields(call);
  if (!fields) return call.reply.Error("ERR Elements are too large to be stored");
  call.txn.Do(*found, storage::StreamAppend{id, *fields}, events::kXAdd);
  call.reply.Bulk(storage::StreamIdText(id));
  if (options.trim.is_given) Trim(call, *found, options.trim);
}

void XTrim(DataCall& call) {
  TrimOptions options;
  call.args.Skip(1);
  while (!call.args.AtEnd()) {
    if (call.args.TakeWithValue("MAXLEN")) {
      if (!ParseThreshold(call, true, &options)) return;
    } else if (call.args.TakeWithValue("MINID")) {
      if (!ParseThreshold(call, false, &options)) return;
    } else if (call.args.TakeWithValue("LIMIT")) {
      if (!ParseLimit(call, &options)) return;
    } else if (!TakeReferences(call.args, &options.references)) {
      return call.reply.Error(errors::kSyntax);
    }
  }
  if (!FinishTrimOptions(call, true, &options)) return;
  std::optional<Place> found = FindStream(call, call.args[1], Intent::kWrite);
  if (!found) return;
  if (TrimTakesLong(call, *found, options)) return;
  call.reply.Integer(*found ? static_cast<int64_t>(Trim(call, *found, options)) : 0);
}

// --- reading, erasing -----------------------------------------------------------------------------------------------

void XLen(DataCall& call) {
  const std::optional<Place> found = FindStream(call, call.args[1], Intent::kRead);
  if (found) call.reply.Integer(*found ? static_cast<int64_t>(StreamIn(found->entry()).size()) : 0);
}

void ReplyRange(DataCall& call, bool downwards) {
  const std::optional<StreamRange> range =
      ParseStreamRange(call, call.args[downwards ? 3 : 2], call.args[downwards ? 2 : 3]);
  if (!range) return;
  std::optional<int64_t> most;
  call.args.Skip(3);
  while (!call.args.AtEnd()) {
    if (!call.args.TakeWithValue("COUNT")) return call.reply.Error(errors::kSyntax);
    most = resp::ParseInteger(call.args.Next());
    if (!most) return call.reply.Error(errors::kNotInteger);
    most = std::max<int64_t>(*most, 0);
  }
  const std::optional<Place> found = FindStream(call, call.args[1], Intent::kRead);
  if (!found) return;
  if (!*found) return call.reply.Array(0);
  if (most == 0) return call.reply.NullArray();
  const Stream& stream = StreamIn(found->entry());
  const auto most_entries = static_cast<size_t>(most.value_or(0));
  if (call.TakesLong(StepsOfEntries(call, stream, *range, most_entries))) return;
  const size_t count = CountEntries(stream, *range, most_entries);
  ReplyEntries(call.reply, stream, *range, count, downwards);
}

void XRange(DataCall& call) { ReplyRange(call, false); }
void XRevRange(DataCall& call) { ReplyRange(call, true); }

void XDel(DataCall& call) {
  std::optional<Place> found = FindStream(call, call.args[1], Intent::kWrite);
  if (!found) return;
  if (!*found) return call.reply.Integer(0);
  const std::optional<std::vector<StreamId>> ids = ParseStreamIds(call, 2);
  if (!ids) return;
  int64_t erased = 0;
  for (const StreamId& id : *ids) {
    if (call.txn.Do(*found, storage::StreamErase{id}, events::kXDel) != EffectResult::kUnchanged) ++erased;
  }
  call.reply.Integer(erased);
}

void XSetId(DataCall& call) {
  const std::optional<StreamId> last = ParseStreamId(call.args[2]);
  if (!last) return call.reply.Error(errors::kBadStreamId);
  std::optional<int64_t> added;
  StreamId greatest_erased;
  call.args.Skip(2);
  while (!call.args.AtEnd()) {
    if (call.args.TakeWithValue("ENTRIESADDED")) {
      added = resp::ParseInteger(call.args.Next());
      if (!added) return call.reply.Error(errors::kNotInteger);
      if (*added < 0) return call.reply.Error("ERR entries_added must be positive");
    } else if (call.args.TakeWithValue("MAXDELETEDID")) {
      const std::optional<StreamId> id = ParseStreamId(call.args.Next());
      if (!id) return call.reply.Error(errors::kBadStreamId);
      if (*last < *id) {
        return call.reply.Error("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
      }
      greatest_erased = *id;
    } else {
      return call.reply.Error(errors::kSyntax);
    }
  }
  std::optional<Place> found = FindStream(call, call.args[1], Intent::kWrite);
  if (!found) return;
  if (!*found) return call.reply.Error(errors::kNoSuchKey);
  const Stream& stream = StreamIn(found->entry());
  if (stream.size() > 0) {
    if (*last < stream.last_entry()) {
      return call.reply.Error("ERR The ID specified in XSETID is smaller than the target stream top item");
    }
    if (added && stream.size() > static_cast<uint64_t>(*added)) {
      return call.reply.Error("ERR The entries_added specified in XSETID is smaller than the target stream length");
    }
  }
  if (*last < stream.greatest_erased()) {
    return call.reply.Error("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
  }
  call.txn.Do(
      *found,
      storage::StreamSetIds{
          .last_id = *last,
          .greatest_erased = greatest_erased == storage::kFirstStreamId ? stream.greatest_erased() : greatest_erased,
          .added = added ? static_cast<uint64_t>(*added) : stream.added()},
      events::kXSetId);
  call.reply.Ok();
}

constexpr std::string_view kRangeCost = "O(N) in the number of entries returned";

constexpr Command kStreamCommands[] = {
    {.name = "xadd",
     .arity = -5,
     .flags = kWrite | kDenyOom | kFast,
     .keys = {.flags = kKeyRW | kKeyUpdate,
              .first = 1,
              .last = 1,
              .step = 1,
              .note = "UPDATE instead of INSERT because of the optional trimming feature"},
     .group = Group::kStream,
     .tips = "nondeterministic_output",
     .since = "5.0.0",
     .history = "8.2.0 KEEPREF, DELREF, ACKED",
     .complexity = "O(1), and O(N) in the number of entries trimmed",
     .syntax = "key [NOMKSTREAM] [KEEPREF | DELREF | ACKED] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | "
               "id> field value [field value "
               "...]",
     .summary = "Appends an entry.",
     .run = Data(XAdd)},
    {.name = "xdel",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyDelete),
     .group = Group::kStream,
     .since = "5.0.0",
     .complexity = "O(N) in the number of IDs given",
     .syntax = "key id [id ...]",
     .summary = "Deletes entries.",
     .run = Data(XDel)},
    {.name = "xlen",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO),
     .group = Group::kStream,
     .since = "5.0.0",
     .syntax = "key",
     .summary = "Counts the entries.",
     .run = Data(XLen)},
    {.name = "xrange",
     .arity = -4,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kStream,
     .since = "5.0.0",
     .complexity = kRangeCost,
     .syntax = "key start end [COUNT count]",
     .summary = "Returns the entries in a range of IDs.",
     .run = Data(XRange)},
    {.name = "xrevrange",
     .arity = -4,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kStream,
     .since = "5.0.0",
     .complexity = kRangeCost,
     .syntax = "key end start [COUNT count]",
     .summary = "Returns the entries in a range of IDs, in reverse order.",
     .run = Data(XRevRange)},
    {.name = "xsetid",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyUpdate),
     .group = Group::kStream,
     .since = "5.0.0",
     .syntax = "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
     .summary = "Sets the last ID and the counters of a stream.",
     .run = Data(XSetId)},
    {.name = "xtrim",
     .arity = -4,
     .flags = kWrite,
     .keys = OneKey(kKeyRW | kKeyDelete),
     .group = Group::kStream,
     .tips = "nondeterministic_output",
     .since = "5.0.0",
     .history = "8.2.0 KEEPREF, DELREF, ACKED",
     .complexity = "O(N) in the number of entries trimmed",
     .syntax = "key <MAXLEN | MINID> [= | ~] threshold [LIMIT count] [KEEPREF | DELREF | ACKED]",
     .summary = "Deletes the oldest entries.",
     .run = Data(XTrim)},
};
static_assert(RowsAreSound(kStreamCommands));

}  // namespace

std::span<const Command> StreamCommands() { return kStreamCommands; }

}  // namespace ringkv::server
