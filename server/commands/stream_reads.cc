// SPDX-License-Identifier: MIT
// XREAD and XREADGROUP: what is new in streams, and waiting for it.
#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/text.h"
#include "server/blocking/key_wait.h"
#include "server/blocking/waiting_call.h"
#include "server/command/expiry_time.h"
#include "server/commands/families.h"
#include "server/commands/stream_reply.h"
#include "storage/effects/key_event.h"
#include "storage/types/stream.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::Place;
using storage::Stream;
using storage::StreamGroup;
using storage::StreamId;
using storage::StreamIn;
using storage::UnixMs;
using storage::ValueType;

// --- the request ----------------------------------------------------------------------------------------------------

// The keys behind STREAMS, which are the half of what stands there; none if the options before it are wrong.
std::optional<ArgumentRange> StreamsBehindOptions(std::span<const std::string_view> argv) {
  Arguments args(argv);
  while (!args.AtEnd()) {
    if (args.TakeWithValue("BLOCK") || args.TakeWithValue("COUNT") || args.TakeWithValue("CLAIM")) {
      args.Skip(1);
    } else if (args.TakeWithValue("STREAMS")) {
      return ArgumentRange{argv.size() - args.Left(), args.Left() / 2};
    } else if (args.Left() >= 3 && args.Take("GROUP")) {
      args.Skip(2);
    } else if (!args.Take("NOACK")) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

// A request with wrong options is refused, but not before its user may touch what would be its keys: those behind the
// first word STREAMS, as redis-server finds them.
template <size_t kFrom>
ArgumentRange FindStreams(std::span<const std::string_view> argv) {
  if (const std::optional<ArgumentRange> keys = StreamsBehindOptions(argv)) return *keys;
  for (size_t i = kFrom; i < argv.size(); ++i) {
    if (EqualsIgnoringCase(argv[i], "STREAMS")) return {i + 1, (argv.size() - i - 1) / 2};
  }
  return {};
}

// Whether it says how long to wait.
bool MayBlock(std::span<const std::string_view> argv) {
  Arguments args(argv);
  while (!args.AtEnd() && !args.TakeWithValue("STREAMS")) {
    if (args.TakeWithValue("BLOCK")) return true;
    args.Skip(1);
  }
  return false;
}

struct ReadQuery {
  bool has_group = false;
  std::string_view group;
  std::string_view consumer;
  bool is_acknowledged = false;       // NOACK: what is handed out isn't pending
  std::optional<int64_t> least_idle;  // CLAIM: takes over what has been pending for so many milliseconds
  size_t most = 0;                    // entries of each stream; 0: all
  std::optional<int64_t> deadline;    // in milliseconds of the steady clock; none: it doesn't wait
  ArgumentRange keys;                 // the IDs stand behind them

  size_t id_at(size_t key) const { return keys.first + keys.count + key; }
};

// Milliseconds to wait; 0 is for ever. False with the error written.
bool ParseBlock(DataCall& call, ReadQuery* query) {
  const std::optional<int64_t> block = resp::ParseInteger(call.args.Next());
  if (!block) {
    call.reply.Error("ERR timeout is not an integer or out of range");
  } else if (*block < 0) {
    call.reply.Error("ERR timeout is negative");
  } else {
    query->deadline = *block == 0 ? INT64_MAX : MillisecondsFrom(call.txn.store().clock().SteadyMs(), *block);
    return true;
  }
  return false;
}

bool ParseClaim(DataCall& call, ReadQuery* query) {
  query->least_idle = resp::ParseInteger(call.args.Next());
  if (query->least_idle && *query->least_idle >= 0) return true;
  call.reply.Error(query->least_idle ? "ERR min-idle-time must be a positive integer"
                                     : "ERR min-idle-time is not an integer or out of range");
  return false;
}

bool ParseOptions(DataCall& call, bool may_have_group, ReadQuery* query) {
  Arguments& args = call.args;
  while (!args.AtEnd()) {
    if (args.TakeWithValue("BLOCK")) {
      if (!ParseBlock(call, query)) return false;
    } else if (args.TakeWithValue("COUNT")) {
      const std::optional<int64_t> count = resp::ParseInteger(args.Next());
      if (!count) {
        call.reply.Error(errors::kNotInteger);
        return false;
      }
      query->most = *count < 0 ? 0 : static_cast<size_t>(*count);
    } else if (args.TakeWithValue("STREAMS")) {
      if (args.Left() % 2 == 0) break;
      call.reply.Error("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.");
      return false;
    } else if (args.Left() >= 3 && args.Take("GROUP")) {
      if (!may_have_group) {
        call.reply.Error("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
        return false;
      }
      query->has_group = true;
      query->group = args.Next();
      query->consumer = args.Next();
    } else if (may_have_group && args.TakeWithValue("CLAIM")) {
      if (!ParseClaim(call, query)) return false;
    } else if (args.Take("NOACK")) {
      if (!may_have_group) {
        call.reply.Error("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
        return false;
      }
      query->is_acknowledged = true;
    } else {
      call.reply.Error(errors::kSyntax);
      return false;
    }
  }
  query->keys = StreamsBehindOptions(args.all()).value_or(ArgumentRange{});
  if (query->keys.count == 0) {
    call.reply.Error(errors::kSyntax);
  } else if (may_have_group && !query->has_group) {
    call.reply.Error("ERR Missing GROUP option for XREADGROUP");
  } else {
    return true;
  }
  return false;
}

bool IsRetry(const DataCall& call) { return call.wait != nullptr && call.wait->is_retry; }

// There is nothing new anywhere.
void WaitOrGiveUp(DataCall& call, const ReadQuery& query) {
  if (query.deadline) return WaitForKeys(call, ValueType::kStream, *query.deadline);
  call.reply.NullArray();
}

// In RESP2 the names and what they have are pairs.
void BeginStreams(resp::ReplyWriter& reply, size_t streams) {
  const auto count = static_cast<int64_t>(streams);
  reply.protocol() >= 3 ? reply.Map(count) : reply.Array(count);
}
void BeginStream(resp::ReplyWriter& reply, std::string_view key) {
  if (reply.protocol() < 3) reply.Array(2);
  reply.Bulk(key);
}

// --- XREAD ----------------------------------------------------------------------------------------------------------

// A stream with news.
struct News {
  std::string_view key;
  const Stream* stream;
  StreamRange range;
};

void XRead(DataCall& call) {
  ReadQuery query;
  if (!ParseOptions(call, false, &query)) return;
  std::vector<News> news;
  std::string sought;
  std::vector<std::pair<size_t, std::string>> resolved;
  for (size_t i = 0; i < query.keys.count; ++i) {
    const std::string_view key = call.args[query.keys.first + i];
    const std::string_view text = call.args[query.id_at(i)];
    const std::optional<Place> found = FindAwaited(call, ValueType::kStream, key, Intent::kRead);
    if (!found) return;
    const Stream* stream = *found ? &StreamIn(found->entry()) : nullptr;
    StreamId behind;
    if (text == "+" && stream != nullptr && stream->size() > 0) {
      const StreamId last = stream->last_entry();
      news.push_back({key, stream, {.first = last, .last = last}});
      continue;
    }
    if (text == "$" || text == "+") {
      if (stream != nullptr) behind = stream->last_id();
      if (query.deadline) resolved.emplace_back(query.id_at(i), storage::StreamIdText(behind));
    } else if (text == ">") {
      return call.reply.Error(
          "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.");
    } else if (const std::optional<StreamId> id = ParseStreamId(text)) {
      behind = *id;
    } else {
      return call.reply.Error(errors::kBadStreamId);
    }
    // All of it, as only the same IDs of the same streams find the same.
    if (query.deadline) sought.append(storage::StreamIdText(behind)).append(" ").append(key).push_back('\0');
    if (stream != nullptr && stream->last_entry() > behind) news.push_back({key, stream, {.first = behind.Next()}});
  }
  if (news.empty()) {
    WaitOrGiveUp(call, query);
    if (call.wait != nullptr && call.wait->would_wait) {
      call.wait->sought = std::move(sought);
      call.wait->resolved = std::move(resolved);
    }
    return;
  }
  if (IsRetry(call)) news.resize(1);  // a blocked client gets only the key that woke it
  uint64_t steps = 0;
  for (const News& each : news) steps += StepsOfEntries(call, *each.stream, each.range, query.most);
  if (call.TakesLong(steps)) return;
  BeginStreams(call.reply, news.size());
  for (const News& each : news) {
    BeginStream(call.reply, each.key);
    ReplyEntries(call.reply, *each.stream, each.range, CountEntries(*each.stream, each.range, query.most));
  }
}

// --- XREADGROUP -----------------------------------------------------------------------------------------------------

// A pending entry that is taken over.
struct Claim {
  StreamId id;
  UnixMs delivered;
  uint64_t deliveries;
};

// One of the streams that are read.
struct GroupRead {
  Place place;
  std::vector<Claim> claims = {};
  std::optional<StreamId> history_behind;  // none: entries that are new to the group
  bool has_news = false;

  const Stream& stream() const { return StreamIn(place.entry()); }
  const StreamGroup& group(const ReadQuery& query) const { return *stream().FindGroup(query.group); }
};

constexpr std::string_view kNewIsMeaningless =
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by "
    "specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.";
constexpr std::string_view kLastIsMeaningless =
    "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by "
    "specifying a proper ID, or use the > ID to get new messages. The + ID would just return an empty result set.";

// Nothing with the error written.
std::optional<GroupRead> FindGroupRead(DataCall& call, const ReadQuery& query, size_t number) {
  const std::string_view key = call.args[query.keys.first + number];
  const std::string_view text = call.args[query.id_at(number)];
  const std::optional<Place> found = FindAwaited(call, ValueType::kStream, key, Intent::kRead);
  if (!found) return std::nullopt;
  const bool is_retry = IsRetry(call);
  if (is_retry && !*found) {
    call.reply.Error("UNBLOCKED the stream key no longer exists");
    return std::nullopt;
  }
  if (!*found || StreamIn(found->entry()).FindGroup(query.group) == nullptr) {
    call.reply.Error(is_retry ? "NOGROUP the consumer group this client was blocked on no longer exists"
                              : NoGroup(key, query.group) + " in XREADGROUP with GROUP option");
    return std::nullopt;
  }
  GroupRead read{.place = *found, .claims = {}, .history_behind = std::nullopt};
  if (text == ">") {
    const Stream& stream = read.stream();
    read.has_news = stream.size() > 0 && stream.last_entry() > read.group(query).last_id;
    return read;
  }
  if (text == "$" || text == "+") {
    call.reply.Error(text == "$" ? kNewIsMeaningless : kLastIsMeaningless);
    return std::nullopt;
  }
  read.history_behind = ParseStreamId(text);
  if (!read.history_behind) {
    call.reply.Error(errors::kBadStreamId);
    return std::nullopt;
  }
  return read;
}

// Replies the consumer's pending entries, and counts their delivery.
void ReplyHistory(DataCall& call, const ReadQuery& query, GroupRead& read) {
  struct Again {
    StreamId id;
    uint64_t deliveries;
  };
  std::vector<Again> all;
  const StreamGroup& group = read.group(query);
  const std::set<StreamId>& pending = group.FindConsumer(query.consumer)->pending;
  for (auto at = pending.upper_bound(*read.history_behind); at != pending.end(); ++at) {
    all.push_back({*at, group.pending().find(*at)->second.deliveries});
    if (all.size() == query.most) break;
  }
  call.reply.Array(static_cast<int64_t>(all.size()));
  for (const Again& each : all) {
    bool is_there = false;
    read.stream().Visit(each.id, each.id, false, [&](const storage::StreamEntry& entry) {
      is_there = true;
      ReplyStreamEntry(call.reply, entry);
      return false;
    });
    if (is_there) {
      call.txn.Do(read.place,
                  storage::StreamPend{.group = query.group,
                                      .consumer = query.consumer,
                                      .id = each.id,
                                      .delivered = call.txn.now(),
                                      .deliveries = each.deliveries + 1},
                  events::kNone);
    } else {
      call.reply.Array(2);
      call.reply.Bulk(storage::StreamIdText(each.id));
      call.reply.NullArray();
    }
  }
}

// How many entries a group has read that had read so many, and now this one too.
int64_t ReadWith(const Stream& stream, const StreamId& id, int64_t before) {
  if (before != StreamGroup::kUnknown && !stream.HasGapsBehind(id)) return before == INT64_MAX ? before : before + 1;
  const std::optional<uint64_t> up_to = stream.CountUpTo(id);
  return up_to ? static_cast<int64_t>(std::min<uint64_t>(*up_to, INT64_MAX)) : StreamGroup::kUnknown;
}

// What has been pending for long enough, the longest first, and of equals the oldest; not what was deleted meanwhile.
std::vector<Claim> FindClaims(const DataCall& call, const ReadQuery& query, const GroupRead& read) {
  std::vector<Claim> claims;
  for (const auto& [id, pending] : read.group(query).pending()) {
    if (call.txn.now() - pending.delivered < *query.least_idle || !read.stream().Contains(id)) continue;
    claims.push_back({id, pending.delivered, pending.deliveries});
  }
  std::stable_sort(claims.begin(), claims.end(),
                   [](const Claim& a, const Claim& b) { return a.delivered < b.delivered; });
  if (query.most != 0 && claims.size() > query.most) claims.resize(query.most);
  return claims;
}

void ReplyClaims(DataCall& call, const ReadQuery& query, GroupRead& read) {
  for (const Claim& claim : read.claims) {
    read.stream().Visit(claim.id, claim.id, false, [&](const storage::StreamEntry& entry) {
      ReplyDeliveredEntry(call.reply, entry, call.txn.now() - claim.delivered, claim.deliveries);
      return false;
    });
    call.txn.Do(read.place,
                storage::StreamPend{.group = query.group,
                                    .consumer = query.consumer,
                                    .id = claim.id,
                                    .delivered = call.txn.now(),
                                    .deliveries = claim.deliveries + 1},
                events::kNone);
  }
}

// Delivers entries to the consumer: first those that it takes over, then those that are new to the group.
void ReplyNews(DataCall& call, const ReadQuery& query, GroupRead& read) {
  const Stream& stream = read.stream();
  StreamId last_id = read.group(query).last_id;
  int64_t have_read = read.group(query).read;
  const StreamRange range{.first = last_id.Next()};
  const bool takes_news = read.has_news && (query.most == 0 || read.claims.size() < query.most);
  const size_t most = query.most == 0 ? 0 : query.most - read.claims.size();
  const size_t count = takes_news ? CountEntries(stream, range, most) : 0;
  std::vector<StreamId> handed_out;
  call.reply.Array(static_cast<int64_t>(read.claims.size() + count));
  ReplyClaims(call, query, read);
  if (count == 0) return;
  stream.Visit(range.first, range.last, false, [&](const storage::StreamEntry& entry) {
    last_id = entry.id();
    have_read = ReadWith(stream, last_id, have_read);
    query.least_idle ? ReplyDeliveredEntry(call.reply, entry, 0, 0) : ReplyStreamEntry(call.reply, entry);
    handed_out.push_back(last_id);
    return handed_out.size() < count;
  });
  if (!query.is_acknowledged) {
    for (const StreamId& id : handed_out) {
      call.txn.Do(
          read.place,
          storage::StreamPend{.group = query.group, .consumer = query.consumer, .id = id, .delivered = call.txn.now()},
          events::kNone);
    }
  }
  call.txn.Do(read.place, storage::StreamGroupMove{query.group, last_id, have_read}, events::kNone);
}

uint64_t StepsOf(const DataCall& call, const ReadQuery& query, const GroupRead& read) {
  const Stream& stream = read.stream();
  if (read.has_news) {
    const StreamRange range{.first = read.group(query).last_id.Next()};
    return StepsOfEntries(call, stream, range, query.most, kStepsOfDelivery);
  }
  const auto* const consumer = read.group(query).FindConsumer(query.consumer);
  const uint64_t pending = consumer == nullptr ? 0 : consumer->pending.size();
  return kStepsOfDelivery * (query.most == 0 ? pending : std::min<uint64_t>(pending, query.most));
}

// Looks for what may be taken over. False if that takes long.
bool LookForClaims(DataCall& call, const ReadQuery& query, std::vector<GroupRead>& reads) {
  uint64_t pending = 0;
  for (const GroupRead& read : reads) pending += read.history_behind ? 0 : read.group(query).pending().size();
  if (call.TakesLong(2 * pending)) return false;
  for (GroupRead& read : reads) {
    if (!read.history_behind) read.claims = FindClaims(call, query, read);
  }
  return true;
}

void XReadGroup(DataCall& call) {
  ReadQuery query;
  if (!ParseOptions(call, true, &query)) return;
  std::vector<GroupRead> reads;
  for (size_t i = 0; i < query.keys.count; ++i) {
    const std::optional<GroupRead> read = FindGroupRead(call, query, i);
    if (!read) return;
    reads.push_back(*read);
  }
  if (query.least_idle && !LookForClaims(call, query, reads)) return;
  std::erase_if(reads,
                [](const GroupRead& read) { return !read.has_news && !read.history_behind && read.claims.empty(); });
  if (reads.empty()) {
    WaitOrGiveUp(call, query);
    if (call.wait == nullptr || !call.wait->would_wait) return;
    call.wait->sought = query.group;
    if (query.least_idle) call.wait->sought.append(1, '\0').append(std::to_string(*query.least_idle));
    return;
  }
  if (IsRetry(call)) reads.erase(reads.begin() + 1, reads.end());  // a blocked client gets only the key that woke it
  uint64_t steps = 0;
  for (const GroupRead& read : reads) steps += StepsOf(call, query, read);
  if (call.TakesLong(steps)) return;
  BeginStreams(call.reply, reads.size());
  for (GroupRead& read : reads) {
    NoteConsumer(call, read.place, query.group, query.consumer);
    BeginStream(call.reply, read.place.key());
    read.history_behind ? ReplyHistory(call, query, read) : ReplyNews(call, query, read);
  }
}

template <int kFrom>
constexpr KeySpec StreamsBehindKeyword() {
  return {.flags = kKeyRO | kKeyAccess,
          .first = kFrom,
          .last = -1,
          .step = 1,
          .search = KeySearch::kKeyword,
          .keyword = "STREAMS",
          .part = 2,
          .find = FindStreams<kFrom>};
}

constexpr std::string_view kReadCost = "O(N+M): N streams, M entries returned";

constexpr Command kStreamReadCommands[] = {
    {.name = "xread",
     .arity = -4,
     .flags = kReadOnly | kBlocking,
     .keys = StreamsBehindKeyword<1>(),
     .may_wait = MayBlock,
     .group = Group::kStream,
     .since = "5.0.0",
     .history = "7.4.0 the ID +",
     .complexity = kReadCost,
     .syntax = "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
     .summary = "Returns the entries of streams after an ID each; with BLOCK it blocks until there are some.",
     .run = Data(XRead)},
    {.name = "xreadgroup",
     .arity = -7,
     .flags = kWrite | kBlocking,
     .keys = StreamsBehindKeyword<4>(),
     .may_wait = MayBlock,
     .group = Group::kStream,
     .since = "5.0.0",
     .history = "8.4.0 CLAIM",
     .complexity = kReadCost,
     .syntax = "GROUP group consumer [COUNT count] [BLOCK milliseconds] [CLAIM min-idle-time] [NOACK] STREAMS key [key "
               "...] id [id ...]",
     .summary = "Delivers entries of streams to a consumer of a group; with BLOCK it blocks until there are some.",
     .run = Data(XReadGroup)},
};
static_assert(RowsAreSound(kStreamReadCommands));

}  // namespace

std::span<const Command> StreamReadCommands() { return kStreamReadCommands; }

}  // namespace ringkv::server
