// SPDX-License-Identifier: MIT
// Sorted sets: members with scores. What asks for ranges stands in sorted_set_ranges.cc, what joins several sets in
// sorted_set_joins.cc.
#include "storage/types/sorted_set.h"

#include <cmath>
#include <string>
#include <vector>

#include "server/command/double_text.h"
#include "server/command/pick_count.h"
#include "server/command/scan_options.h"
#include "server/command/typed_key.h"
#include "server/commands/families.h"
#include "server/commands/pops.h"
#include "server/commands/scored_reply.h"
#include "storage/effects/key_event.h"
#include "storage/types/random_picks.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::EffectResult;
using storage::Intent;
using storage::Place;
using storage::SortedSetErase;
using storage::SortedSetPut;
using storage::SortedSetView;

std::optional<Place> FindSortedSet(DataCall& call, std::string_view key, Intent intent) {
  return FindTyped(call, storage::ValueType::kSortedSet, key, intent);
}

// --- ZADD, ZINCRBY --------------------------------------------------------------------------------------------------

struct ScoreOptions {
  bool if_missing = false;
  bool if_there = false;
  bool if_greater = false;
  bool if_less = false;
  bool counts_changes = false;
  bool increments = false;
};

void TakeAddOptions(Arguments& args, ScoreOptions* options) {
  for (;;) {
    if (args.Take("NX")) {
      options->if_missing = true;
    } else if (args.Take("XX")) {
      options->if_there = true;
    } else if (args.Take("CH")) {
      options->counts_changes = true;
    } else if (args.Take("INCR")) {
      options->increments = true;
    } else if (args.Take("GT")) {
      options->if_greater = true;
    } else if (args.Take("LT")) {
      options->if_less = true;
    } else {
      return;
    }
  }
}

// What is wrong with the options, for so many arguments behind them; empty if nothing.
std::string_view Contradiction(const ScoreOptions& options, size_t arguments) {
  if (arguments == 0 || arguments % 2 != 0) return errors::kSyntax;
  if (options.if_missing && options.if_there) return "ERR XX and NX options at the same time are not compatible";
  const int comparisons = (options.if_greater ? 1 : 0) + (options.if_less ? 1 : 0) + (options.if_missing ? 1 : 0);
  if (comparisons > 1) return "ERR GT, LT, and/or NX options at the same time are not compatible";
  if (options.increments && arguments > 2) return "ERR INCR option supports a single increment-element pair";
  return {};
}

struct AddResult {
  int64_t added = 0;
  int64_t changed = 0;
  bool was_allowed = false;  // by the options: the last member
  double score = 0;          // what that has now
};

// False with the error written.
bool AddMember(DataCall& call, Place& place, const ScoreOptions& options, std::string_view member, double score,
               AddResult* result) {
  const std::optional<double> old_score = SortedSetView(place.entry_or_null()).Score(member);
  result->was_allowed = false;
  if (old_score ? options.if_missing : options.if_there) return true;
  if (old_score && options.increments) {
    score += *old_score;
    if (std::isnan(score)) {
      call.reply.Error("ERR resulting score is not a number (NaN)");
      return false;
    }
  }
  if (old_score && ((options.if_greater && score <= *old_score) || (options.if_less && score >= *old_score)))
    return true;
  result->was_allowed = true;
  result->score = score;
  const storage::KeyEvent& event = options.increments ? events::kZIncr : events::kZAdd;
  switch (call.txn.Do(place, SortedSetPut{member, score}, event)) {
    case EffectResult::kAdded: ++result->added; break;
    case EffectResult::kChanged: ++result->changed; break;
    case EffectResult::kUnchanged: break;
  }
  return true;
}

void AddScored(DataCall& call, const ScoreOptions& options) {
  const size_t first = call.args.size() - call.args.Left();
  const std::string_view wrong = Contradiction(options, call.args.Left());
  if (!wrong.empty()) return call.reply.Error(wrong);
  std::vector<double> scores;
  for (size_t i = first; i < call.args.size(); i += 2) {
    const std::optional<double> score = ParseDouble(call.args[i]);
    if (!score) return call.reply.Error(errors::kNotFloat);
    scores.push_back(*score);
  }
  std::optional<Place> found = FindSortedSet(call, call.args[1], Intent::kWrite);
  if (!found) return;
  AddResult result;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!AddMember(call, *found, options, call.args[first + 2 * i + 1], scores[i], &result)) return;
  }
  if (options.increments) {
    result.was_allowed ? call.reply.Double(result.score) : call.reply.Null();
  } else {
    call.reply.Integer(options.counts_changes ? result.added + result.changed : result.added);
  }
}

void ZAdd(DataCall& call) {
  ScoreOptions options;
  call.args.Skip(1);
  TakeAddOptions(call.args, &options);
  AddScored(call, options);
}

void ZIncrBy(DataCall& call) {
  call.args.Skip(1);
  AddScored(call, {.increments = true});
}

// --- single members -------------------------------------------------------------------------------------------------

void ZRem(DataCall& call) {
  std::optional<Place> found = FindSortedSet(call, call.args[1], Intent::kWrite);
  if (!found) return;
  int64_t erased = 0;
  for (size_t i = 2; i < call.args.size() && *found; ++i) {
    if (call.txn.Do(*found, SortedSetErase{call.args[i]}, events::kZRem) != EffectResult::kUnchanged) ++erased;
  }
  call.reply.Integer(erased);
}

void ZCard(DataCall& call) {
  const std::optional<Place> found = FindSortedSet(call, call.args[1], Intent::kRead);
  if (found) call.reply.Integer(static_cast<int64_t>(SortedSetView(found->entry_or_null()).size()));
}

void ReplyScore(DataCall& call, const std::optional<double>& score) {
  score ? call.reply.Double(*score) : call.reply.Null();
}

void ZScore(DataCall& call) {
  const std::optional<Place> found = FindSortedSet(call, call.args[1], Intent::kRead);
  if (found) ReplyScore(call, SortedSetView(found->entry_or_null()).Score(call.args[2]));
}

void ZMScore(DataCall& call) {
  const std::optional<Place> found = FindSortedSet(call, call.args[1], Intent::kRead);
  if (!found) return;
  const SortedSetView set(found->entry_or_null());
  call.reply.Array(static_cast<int64_t>(call.args.size()) - 2);
  for (size_t i = 2; i < call.args.size(); ++i) ReplyScore(call, set.Score(call.args[i]));
}

void ReplyRank(DataCall& call, std::string_view command, bool from_highest) {
  const bool with_score = call.args.size() > 3;
  if (call.args.size() > 4) return call.reply.Error(errors::WrongArity(command));
  if (with_score && !EqualsIgnoringCase(call.args[3], "WITHSCORE")) return call.reply.Error(errors::kSyntax);
  const std::optional<Place> found = FindSortedSet(call, call.args[1], Intent::kRead);
  if (!found) return;
  const SortedSetView set(found->entry_or_null());
  const std::optional<size_t> rank = set.Rank(call.args[2]);
  if (!rank) return with_score ? call.reply.NullArray() : call.reply.Null();
  if (with_score) call.reply.Array(2);
  call.reply.Integer(static_cast<int64_t>(from_highest ? set.size() - 1 - *rank : *rank));
  if (with_score) ReplyScore(call, set.Score(call.args[2]));
}

void ZRank(DataCall& call) { ReplyRank(call, "zrank", false); }
void ZRevRank(DataCall& call) { ReplyRank(call, "zrevrank", true); }

// --- taking out -----------------------------------------------------------------------------------------------------

uint64_t StepsToPop(const Place& place, size_t count) {
  return std::min(count, SortedSetView(place.entry_or_null()).size()) * kStepsOfInsertion;
}

void PopFrom(DataCall& call, bool highest) {
  if (call.args.size() > 3) return call.reply.Error(errors::kSyntax);
  const bool has_count = call.args.size() == 3;
  int64_t count = 1;
  if (has_count) {
    const std::optional<int64_t> parsed = resp::ParseInteger(call.args[2]);
    if (!parsed || *parsed < 0) return call.reply.Error(errors::kNotPositive);
    count = *parsed;
  }
  std::optional<Place> found = FindSortedSet(call, call.args[1], Intent::kWrite);
  if (!found) return;
  if (!*found || count == 0) return call.reply.Array(0);
  if (call.TakesLong(StepsToPop(*found, static_cast<size_t>(count)))) return;
  const std::vector<ScoredMember> popped = PopMembers(call, *found, static_cast<size_t>(count), highest);
  const bool are_pairs = has_count && call.reply.protocol() >= 3;
  call.reply.Array(static_cast<int64_t>(are_pairs ? popped.size() : 2 * popped.size()));
  for (const ScoredMember& each : popped) {
    if (are_pairs) call.reply.Array(2);
    call.reply.Bulk(each.name);
    call.reply.Double(each.score);
  }
}

void ZPopMin(DataCall& call) { PopFrom(call, false); }
void ZPopMax(DataCall& call) { PopFrom(call, true); }

void ZMPop(DataCall& call) {
  const std::optional<PopQuery> query = ParsePopQuery(call, 1, "MIN", "MAX");
  if (!query) return;
  for (size_t i = query->first; i < query->end; ++i) {
    std::optional<Place> found = FindSortedSet(call, call.args[i], Intent::kWrite);
    if (!found) return;
    if (!*found) continue;
    if (call.TakesLong(StepsToPop(*found, query->count))) return;
    return ReplyPopped(call, call.args[i], PopMembers(call, *found, query->count, !query->first_end));
  }
  call.reply.NullArray();
}

// --- random members, and scans --------------------------------------------------------------------------------------

void ReplyPicks(DataCall& call, const SortedSetView& set, int64_t count, bool with_scores) {
  storage::Random& random = call.txn.random();
  if (count < 0 && set.size() > 0) {
    if (call.TakesLong(4 * static_cast<uint64_t>(-count))) return;
    ScoredReply reply(call.reply, static_cast<size_t>(-count), with_scores);
    for (; count < 0; ++count) set.VisitRange(random.Below(set.size()), 1, false, reply);
    return;
  }
  const size_t different = std::min(static_cast<size_t>(std::max<int64_t>(count, 0)), set.size());
  if (call.TakesLong(4 * different)) return;
  ScoredReply reply(call.reply, different, with_scores);
  for (const size_t rank : storage::DistinctNumbers(random, different, set.size())) {
    set.VisitRange(rank, 1, false, reply);
  }
}

void ZRandMember(DataCall& call) {
  if (call.args.size() == 2) {
    const std::optional<Place> found = FindSortedSet(call, call.args[1], Intent::kRead);
    if (!found) return;
    if (!*found) return call.reply.Null();
    const SortedSetView set(found->entry_or_null());
    return set.VisitRange(call.txn.random().Below(set.size()), 1, false,
                          [&](std::string_view name, double) { call.reply.Bulk(name); });
  }
  const std::optional<int64_t> count = ParsePickCount(call, call.args[2]);
  if (!count) return;
  const bool with_scores = call.args.size() == 4 && EqualsIgnoringCase(call.args[3], "WITHSCORES");
  if (call.args.size() > 3 && !with_scores) return call.reply.Error(errors::kSyntax);
  if (with_scores && *count > INT64_MAX / 2) return call.reply.Error(errors::kOutOfRange);
  const std::optional<Place> found = FindSortedSet(call, call.args[1], Intent::kRead);
  if (found) ReplyPicks(call, SortedSetView(found->entry_or_null()), *count, with_scores);
}

// In a small sorted set redis-server keeps whole numbers as such, and shows them so.
std::string FormatScanned(double score, bool is_small) {
  constexpr double kMost = static_cast<double>(INT64_MAX / 2);
  if (!is_small || std::fabs(score) > kMost || score != std::trunc(score)) return FormatDouble(score);
  return std::to_string(static_cast<int64_t>(score));
}

void ZScan(DataCall& call) {
  const std::optional<uint64_t> cursor = ParseCursor(call.args[2]);
  if (!cursor) return call.reply.Error(errors::kInvalidCursor);
  const std::optional<Place> found = FindSortedSet(call, call.args[1], Intent::kRead);
  if (!found) return;
  ScanOptions options;
  call.args.Skip(2);
  if (*found && !ParseScanOptions(call, Scanned::kSortedSet, &options)) return;
  const SortedSetView set(found->entry_or_null());
  if (call.TakesLong(2 * std::min(options.count, set.size()))) return;
  resp::BulkList pairs(call.reply);
  const uint64_t next = set.Scan(*cursor, options.count, [&](std::string_view name, double score) {
    if (!options.Matches(name)) return;
    pairs.Add(name);
    if (!options.names_only) pairs.Add(FormatScanned(score, !set.is_large()));
  });
  call.reply.Array(2);
  call.reply.BulkInteger(static_cast<int64_t>(next));
  pairs.Finish();
}

constexpr std::string_view kRandomOutput = "nondeterministic_output";

constexpr Command kSortedSetCommands[] = {
    {.name = "zadd",
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyUpdate),
     .group = Group::kSortedSet,
     .since = "1.2.0",
     .complexity = "O(log N) for each member",
     .syntax = "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
     .summary = "Sets the scores of members and counts the new ones.",
     .run = Data(ZAdd)},
    {.name = "zcard",
     .arity = 2,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO),
     .group = Group::kSortedSet,
     .since = "1.2.0",
     .syntax = "key",
     .summary = "Counts the members.",
     .run = Data(ZCard)},
    {.name = "zincrby",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyUpdate),
     .group = Group::kSortedSet,
     .since = "1.2.0",
     .complexity = "O(log N)",
     .syntax = "key increment member",
     .summary = "Increments the score of a member.",
     .run = Data(ZIncrBy)},
    {.name = "zmpop",
     .arity = -4,
     .flags = kWrite,
     .keys = CountedKeys(kKeyRW | kKeyAccess | kKeyDelete),
     .group = Group::kSortedSet,
     .since = "7.0.0",
     .complexity = "O(K) + O(M*log N): K keys, M members taken",
     .syntax = "numkeys key [key ...] <MIN | MAX> [COUNT count]",
     .summary = "Pops the members with the lowest or highest scores from the first sorted set that is not empty.",
     .run = Data(ZMPop)},
    {.name = "zmscore",
     .arity = -3,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "6.2.0",
     .complexity = "O(N) in the number of members asked for",
     .syntax = "key member [member ...]",
     .summary = "Returns the scores of members.",
     .run = Data(ZMScore)},
    {.name = "zpopmax",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .group = Group::kSortedSet,
     .since = "5.0.0",
     .complexity = "O(M*log N): M members taken",
     .syntax = "key [count]",
     .summary = "Pops the members with the highest scores.",
     .run = Data(ZPopMax)},
    {.name = "zpopmin",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyAccess | kKeyDelete),
     .group = Group::kSortedSet,
     .since = "5.0.0",
     .complexity = "O(M*log N): M members taken",
     .syntax = "key [count]",
     .summary = "Pops the members with the lowest scores.",
     .run = Data(ZPopMin)},
    {.name = "zrandmember",
     .arity = -2,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .tips = kRandomOutput,
     .since = "6.2.0",
     .complexity = "O(M*log N): M members returned",
     .syntax = "key [count [WITHSCORES]]",
     .summary = "Returns random members.",
     .run = Data(ZRandMember)},
    {.name = "zrank",
     .arity = -3,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "2.0.0",
     .history = "7.2.0 WITHSCORE",
     .complexity = "O(log N)",
     .syntax = "key member [WITHSCORE]",
     .summary = "Returns the rank of a member.",
     .run = Data(ZRank)},
    {.name = "zrem",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = OneKey(kKeyRW | kKeyDelete),
     .group = Group::kSortedSet,
     .since = "1.2.0",
     .complexity = "O(M*log N): M members to erase",
     .syntax = "key member [member ...]",
     .summary = "Removes members, and the sorted set when it becomes empty.",
     .run = Data(ZRem)},
    {.name = "zrevrank",
     .arity = -3,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "2.0.0",
     .history = "7.2.0 WITHSCORE",
     .complexity = "O(log N)",
     .syntax = "key member [WITHSCORE]",
     .summary = "Returns the rank of a member, counted from the highest score.",
     .run = Data(ZRevRank)},
    {.name = "zscan",
     .arity = -3,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .tips = kRandomOutput,
     .since = "2.8.0",
     .history = "8.0.0 NOSCORES (Valkey)",
     .complexity = "O(COUNT) a call, O(N) for all members",
     .syntax = "key cursor [MATCH pattern] [COUNT count] [NOSCORES]",
     .summary = "Iterates over the members of a sorted set.",
     .run = Data(ZScan)},
    {.name = "zscore",
     .arity = 3,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "1.2.0",
     .syntax = "key member",
     .summary = "Returns the score of a member.",
     .run = Data(ZScore)},
};
static_assert(RowsAreSound(kSortedSetCommands));

}  // namespace

std::span<const Command> SortedSetCommands() { return kSortedSetCommands; }

}  // namespace ringkv::server
