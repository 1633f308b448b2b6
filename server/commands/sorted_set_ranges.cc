// SPDX-License-Identifier: MIT
// Parts of a sorted set: by rank, by score, by name.
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "server/command/typed_key.h"
#include "server/commands/families.h"
#include "server/commands/pops.h"
#include "server/commands/scored_reply.h"
#include "server/commands/store_collection.h"
#include "storage/effects/key_event.h"
#include "storage/types/sorted_set.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::Place;
using storage::SortedSetErase;
using storage::SortedSetView;

constexpr std::string_view kNotRank = errors::kNotInteger;
constexpr std::string_view kNotScore = "ERR min or max is not a float";
constexpr std::string_view kNotName = "ERR min or max not valid string range item";

// --- bounds ---------------------------------------------------------------------------------------------------------

enum class By : uint8_t { kRank, kScore, kName };

// Ranks [first, end).
struct Ranks {
  size_t first = 0;
  size_t end = 0;
  size_t count() const { return end > first ? end - first : 0; }
};

// One end of a range of scores or names.
struct RangeBound {
  double score = 0;
  std::string_view name = {};
  int at_end = 0;  // of names: -1 before all, 1 behind all
  bool is_exclusive = false;

  // Whether a member stands before what the bound begins (as a minimum), or within what it ends (as a maximum).
  bool IsBehind(double other, bool as_minimum) const {
    return other < score || (other == score && is_exclusive == as_minimum);
  }
  bool IsBehind(std::string_view other, bool as_minimum) const {
    if (at_end != 0) return at_end > 0;
    return other < name || (other == name && is_exclusive == as_minimum);
  }
};

struct Range {
  By by = By::kRank;
  int64_t first = 0;  // ranks, from the end if below zero
  int64_t last = 0;
  RangeBound minimum = {};
  RangeBound maximum = {};

  // `downwards`: ranks count from the highest.
  Ranks In(const SortedSetView& set, bool downwards) const;
};

Ranks RanksFrom(int64_t first, int64_t last, size_t size, bool downwards) {
  const auto count = static_cast<int64_t>(size);
  if (first < 0) first = std::max<int64_t>(first + count, 0);
  if (last < 0) last += count;
  last = std::min(last, count - 1);
  if (first > last || first >= count) return {};
  if (downwards) return {static_cast<size_t>(count - 1 - last), static_cast<size_t>(count - first)};
  return {static_cast<size_t>(first), static_cast<size_t>(last + 1)};
}

Ranks Range::In(const SortedSetView& set, bool downwards) const {
  const auto before = [&](const RangeBound& bound, bool as_minimum) {
    return set.CountBefore([&](double score, std::string_view name) {
      return by == By::kScore ? bound.IsBehind(score, as_minimum) : bound.IsBehind(name, as_minimum);
    });
  };
  if (by == By::kRank) return RanksFrom(first, last, set.size(), downwards);
  return {before(minimum, true), before(maximum, false)};
}

std::optional<RangeBound> ParseScoreBound(std::string_view text) {
  RangeBound bound;
  if (text.starts_with('(')) {
    bound.is_exclusive = true;
    text.remove_prefix(1);
  }
  const std::string terminated(text);
  char* end = nullptr;
  bound.score = std::strtod(terminated.c_str(), &end);
  if (*end != '\0' || std::isnan(bound.score)) return std::nullopt;
  return bound;
}

std::optional<RangeBound> ParseNameBound(std::string_view text) {
  if (text == "-") return RangeBound{.at_end = -1};
  if (text == "+") return RangeBound{.at_end = 1};
  if (!text.starts_with('(') && !text.starts_with('[')) return std::nullopt;
  return RangeBound{.name = text.substr(1), .is_exclusive = text[0] == '('};
}

// Nothing with the error written.
std::optional<Range> ParseRange(DataCall& call, By by, std::string_view low, std::string_view high) {
  if (by == By::kRank) {
    const std::optional<int64_t> first = resp::ParseInteger(low);
    const std::optional<int64_t> last = resp::ParseInteger(high);
    if (first && last) return Range{.by = by, .first = *first, .last = *last};
    call.reply.Error(kNotRank);
    return std::nullopt;
  }
  const auto parse = by == By::kScore ? ParseScoreBound : ParseNameBound;
  const std::optional<RangeBound> minimum = parse(low);
  const std::optional<RangeBound> maximum = parse(high);
  if (minimum && maximum) return Range{.by = by, .minimum = *minimum, .maximum = *maximum};
  call.reply.Error(by == By::kScore ? kNotScore : kNotName);
  return std::nullopt;
}

// --- asking for a range ---------------------------------------------------------------------------------------------

constexpr int64_t kNoLimit = -1;

struct RangeQuery {
  size_t key_at = 1;  // the bounds stand behind it
  std::optional<By> by = {};
  std::optional<bool> downwards = {};
  bool stores = false;

  bool with_scores = false;
  bool has_limit = false;
  int64_t offset = 0;
  int64_t limit = kNoLimit;
};

// What stands behind the bounds. False with the error written.
bool ParseQueryOptions(DataCall& call, RangeQuery* query) {
  const bool may_choose_order = !query->by;
  call.args.Skip(query->key_at + 2);
  while (!call.args.AtEnd()) {
    if (!query->stores && call.args.Take("WITHSCORES")) {
      query->with_scores = true;
    } else if (call.args.Left() >= 3 && call.args.Take("LIMIT")) {
      const std::optional<int64_t> offset = resp::ParseInteger(call.args.Next());
      const std::optional<int64_t> limit = resp::ParseInteger(call.args.Next());
      if (!offset || !limit) {
        call.reply.Error(errors::kNotInteger);
        return false;
      }
      query->has_limit = true;
      query->offset = *offset;
      query->limit = *limit;
    } else if (may_choose_order && call.args.Take("REV")) {
      query->downwards = true;
    } else if (may_choose_order && call.args.Take("BYLEX")) {
      query->by = By::kName;
    } else if (may_choose_order && call.args.Take("BYSCORE")) {
      query->by = By::kScore;
    } else {
      call.reply.Error(errors::kSyntax);
      return false;
    }
  }
  const By by = query->by.value_or(By::kRank);
  if (query->limit != kNoLimit && by == By::kRank) {
    call.reply.Error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
    return false;
  }
  if (by == By::kRank) query->has_limit = false;  // the offset of LIMIT n -1 means nothing, as in Redis
  if (query->with_scores && by == By::kName) {
    call.reply.Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return false;
  }
  return true;
}

Ranks Limit(Ranks ranks, const RangeQuery& query, bool downwards) {
  if (!query.has_limit) return ranks;
  const size_t count = ranks.count();
  if (query.offset < 0 || static_cast<size_t>(query.offset) >= count) return {};
  const size_t left = count - static_cast<size_t>(query.offset);
  const size_t taken = query.limit < 0 ? left : std::min(left, static_cast<size_t>(query.limit));
  if (downwards)
    return {ranks.end - static_cast<size_t>(query.offset) - taken, ranks.end - static_cast<size_t>(query.offset)};
  return {ranks.first + static_cast<size_t>(query.offset), ranks.first + static_cast<size_t>(query.offset) + taken};
}

void Store(DataCall& call, const SortedSetView& set, const Ranks& ranks) {
  std::string packed;
  storage::AppendPackedHead(&packed, ranks.count());
  set.VisitRange(ranks.first, ranks.count(), false,
                 [&](std::string_view name, double score) { storage::AppendScored(&packed, name, score); });
  StoreCollection(call, call.args[1], {storage::ValueType::kSortedSet, storage::CollectionForm::kPacked}, packed,
                  ranks.count(), events::kZRangeStore);
}

void Answer(DataCall& call, RangeQuery query) {
  if (!ParseQueryOptions(call, &query)) return;
  const By by = query.by.value_or(By::kRank);
  const bool downwards = query.downwards.value_or(false);
  // Scores and names are given from where the reply begins.
  const bool swapped = downwards && by != By::kRank;
  const std::string_view low = call.args[query.key_at + (swapped ? 2 : 1)];
  const std::string_view high = call.args[query.key_at + (swapped ? 1 : 2)];
  const std::optional<Range> range = ParseRange(call, by, low, high);
  if (!range) return;
  const std::optional<Place> found =
      FindTyped(call, storage::ValueType::kSortedSet, call.args[query.key_at], Intent::kRead);
  if (!found) return;
  const SortedSetView set(found->entry_or_null());
  const Ranks ranks = Limit(range->In(set, downwards), query, downwards);
  if (call.TakesLong(ranks.count() * (query.stores ? kStepsOfInsertion : 2))) return;
  if (query.stores) return Store(call, set, ranks);
  ScoredReply reply(call.reply, ranks.count(), query.with_scores);
  set.VisitRange(downwards && ranks.end > 0 ? ranks.end - 1 : ranks.first, ranks.count(), downwards, reply);
}

void ZRange(DataCall& call) { Answer(call, {}); }
void ZRangeStore(DataCall& call) { Answer(call, {.key_at = 2, .stores = true}); }
void ZRevRange(DataCall& call) { Answer(call, {.by = By::kRank, .downwards = true}); }
void ZRangeByScore(DataCall& call) { Answer(call, {.by = By::kScore}); }
void ZRevRangeByScore(DataCall& call) { Answer(call, {.by = By::kScore, .downwards = true}); }
void ZRangeByLex(DataCall& call) { Answer(call, {.by = By::kName}); }
void ZRevRangeByLex(DataCall& call) { Answer(call, {.by = By::kName, .downwards = true}); }

// --- counting and erasing -------------------------------------------------------------------------------------------

void CountRange(DataCall& call, By by) {
  const std::optional<Range> range = ParseRange(call, by, call.args[2], call.args[3]);
  if (!range) return;
  const std::optional<Place> found = FindTyped(call, storage::ValueType::kSortedSet, call.args[1], Intent::kRead);
  if (found) call.reply.Integer(static_cast<int64_t>(range->In(SortedSetView(found->entry_or_null()), false).count()));
}

void ZCount(DataCall& call) { CountRange(call, By::kScore); }
void ZLexCount(DataCall& call) { CountRange(call, By::kName); }

void EraseRange(DataCall& call, By by, const storage::KeyEvent& event) {
  const std::optional<Range> range = ParseRange(call, by, call.args[2], call.args[3]);
  if (!range) return;
  std::optional<Place> found = FindTyped(call, storage::ValueType::kSortedSet, call.args[1], Intent::kWrite);
  if (!found) return;
  const SortedSetView set(found->entry_or_null());
  const Ranks ranks = range->In(set, false);
  const auto count = static_cast<int64_t>(ranks.count());
  if (call.TakesLong(ranks.count() * kStepsOfInsertion)) return;
  if (count > 0 && ranks.count() == set.size()) {
    TakeAll(call, *found, event);
    return call.reply.Integer(count);
  }
  std::vector<std::string> names;
  set.VisitRange(ranks.first, ranks.count(), false, [&](std::string_view name, double) { names.emplace_back(name); });
  for (const std::string& name : names) call.txn.Do(*found, SortedSetErase{name}, event);
  call.reply.Integer(count);
}

void ZRemRangeByRank(DataCall& call) { EraseRange(call, By::kRank, events::kZRemRangeByRank); }
void ZRemRangeByScore(DataCall& call) { EraseRange(call, By::kScore, events::kZRemRangeByScore); }
void ZRemRangeByLex(DataCall& call) { EraseRange(call, By::kName, events::kZRemRangeByLex); }

constexpr std::string_view kSortedRangeCost = "O(log N + M): N members, M of them in the range";

constexpr Command kSortedSetRangeCommands[] = {
    {.name = "zcount",
     .arity = 4,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "2.0.0",
     .complexity = "O(log N)",
     .syntax = "key min max",
     .summary = "Counts the members in a range of scores.",
     .run = Data(ZCount)},
    {.name = "zlexcount",
     .arity = 4,
     .flags = kReadOnly | kFast,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "2.8.9",
     .complexity = "O(log N)",
     .syntax = "key min max",
     .summary = "Counts the members in a lexicographic range, where all scores are equal.",
     .run = Data(ZLexCount)},
    {.name = "zrange",
     .arity = -4,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "1.2.0",
     .complexity = kSortedRangeCost,
     .syntax = "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
     .summary = "Returns the members in a range of ranks, of scores or in a lexicographic range.",
     .run = Data(ZRange)},
    {.name = "zrangebylex",
     .arity = -4,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "2.8.9",
     .complexity = kSortedRangeCost,
     .syntax = "key min max [LIMIT offset count]",
     .summary = "Returns the members in a lexicographic range.",
     .run = Data(ZRangeByLex)},
    {.name = "zrangebyscore",
     .arity = -4,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "1.0.5",
     .complexity = kSortedRangeCost,
     .syntax = "key min max [WITHSCORES] [LIMIT offset count]",
     .summary = "Returns the members in a range of scores.",
     .run = Data(ZRangeByScore)},
    {.name = "zrangestore",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyOW | kKeyUpdate),
     .more_keys = OneKey(kKeyRO | kKeyAccess, 2),
     .group = Group::kSortedSet,
     .since = "6.2.0",
     .complexity = kSortedRangeCost,
     .syntax = "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
     .summary = "Stores the result of ZRANGE.",
     .run = Data(ZRangeStore)},
    {.name = "zremrangebylex",
     .arity = 4,
     .flags = kWrite,
     .keys = OneKey(kKeyRW | kKeyDelete),
     .group = Group::kSortedSet,
     .since = "2.8.9",
     .complexity = "O(M*log N): N members, M of them in the range",
     .syntax = "key min max",
     .summary = "Removes the members in a lexicographic range.",
     .run = Data(ZRemRangeByLex)},
    {.name = "zremrangebyrank",
     .arity = 4,
     .flags = kWrite,
     .keys = OneKey(kKeyRW | kKeyDelete),
     .group = Group::kSortedSet,
     .since = "2.0.0",
     .complexity = "O(M*log N): N members, M of them in the range",
     .syntax = "key start stop",
     .summary = "Removes the members in a range of ranks.",
     .run = Data(ZRemRangeByRank)},
    {.name = "zremrangebyscore",
     .arity = 4,
     .flags = kWrite,
     .keys = OneKey(kKeyRW | kKeyDelete),
     .group = Group::kSortedSet,
     .since = "1.2.0",
     .complexity = "O(M*log N): N members, M of them in the range",
     .syntax = "key min max",
     .summary = "Removes the members in a range of scores.",
     .run = Data(ZRemRangeByScore)},
    {.name = "zrevrange",
     .arity = -4,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "1.2.0",
     .complexity = kSortedRangeCost,
     .syntax = "key start stop [WITHSCORES]",
     .summary = "Returns the members in a range of ranks, counted from the highest score.",
     .run = Data(ZRevRange)},
    {.name = "zrevrangebylex",
     .arity = -4,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "2.8.9",
     .complexity = kSortedRangeCost,
     .syntax = "key max min [LIMIT offset count]",
     .summary = "Returns the members in a lexicographic range, in reverse order.",
     .run = Data(ZRevRangeByLex)},
    {.name = "zrevrangebyscore",
     .arity = -4,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "2.2.0",
     .complexity = kSortedRangeCost,
     .syntax = "key max min [WITHSCORES] [LIMIT offset count]",
     .summary = "Returns the members in a range of scores, in reverse order.",
     .run = Data(ZRevRangeByScore)},
};
static_assert(RowsAreSound(kSortedSetRangeCommands));

}  // namespace

std::span<const Command> SortedSetRangeCommands() { return kSortedSetRangeCommands; }

}  // namespace ringkv::server
