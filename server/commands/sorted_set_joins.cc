// SPDX-License-Identifier: MIT
// Unions, intersections and differences of sorted sets. Sets take part too: each of their members scores 1.
#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/command/double_text.h"
#include "server/command/typed_key.h"
#include "server/commands/families.h"
#include "server/commands/scored_reply.h"
#include "server/commands/scored_store.h"
#include "storage/base/seeded_hash.h"
#include "storage/effects/key_event.h"
#include "storage/types/set.h"
#include "storage/types/sorted_set.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Entry;
using storage::Intent;
using storage::Place;
using storage::SetView;
using storage::SortedSetView;
using storage::ValueType;

enum class JoinKind : uint8_t { kUnion, kIntersection, kDifference };
enum class Aggregate : uint8_t { kSum, kMinimum, kMaximum, kCount };
enum class Answer : uint8_t { kMembers, kStored, kCount };

// A set that takes part.
class Source {
 public:
  explicit Source(const Entry* entry) : entry_(entry) {}

  void set_weight(double weight) { weight_ = weight; }
  // Each member counts once, with the weight, whatever its score is.
  void set_counts() { counts_ = true; }
  size_t size() const { return is_set() ? SetView(entry_).size() : SortedSetView(entry_).size(); }
  // The score with its weight.
  std::optional<double> Score(std::string_view name) const {
    if (is_set()) return SetView(entry_).Contains(name) ? std::optional(Weighted(1)) : std::nullopt;
    const std::optional<double> score = SortedSetView(entry_).Score(name);
    return score ? std::optional(Weighted(*score)) : std::nullopt;
  }
  // `visit(name, score)` until it returns false.
  template <typename Visitor>
  void VisitUntil(Visitor&& visit) const {
    if (is_set()) return SetView(entry_).VisitUntil([&](std::string_view name) { return visit(name, Weighted(1)); });
    bool goes_on = true;
    SortedSetView(entry_).ForEach(
        [&](std::string_view name, double score) { goes_on = goes_on && visit(name, Weighted(score)); });
  }

 private:
  bool is_set() const { return entry_ != nullptr && entry_->type() == ValueType::kSet; }
  double Weighted(double score) const {
    if (counts_) return weight_;
    const double weighted = weight_ * score;
    return std::isnan(weighted) ? 0 : weighted;  // zero times infinity
  }

  const Entry* entry_;
  double weight_ = 1;
  bool counts_ = false;
};

struct JoinQuery {
  JoinKind operation;
  Answer answer;
  Aggregate aggregate = Aggregate::kSum;
  bool with_scores = false;
  int64_t limit = 0;  // of what is counted; 0: none
};

double Joined(Aggregate aggregate, double a, double b) {
  switch (aggregate) {
    case Aggregate::kMinimum: return std::min(a, b);
    case Aggregate::kMaximum: return std::max(a, b);
    case Aggregate::kSum:
    case Aggregate::kCount: break;
  }
  const double sum = a + b;
  return std::isnan(sum) ? 0 : sum;  // infinities of both signs
}

// --- reading the request --------------------------------------------------------------------------------------------

// The sources at the arguments from `first` on; false with the error written.
bool FindSources(DataCall& call, size_t first, size_t count, std::vector<Source>* sources) {
  for (size_t i = first; i < first + count; ++i) {
    const Place place = call.txn.Find(call.db, call.args[i], Intent::kRead);
    if (place && place.entry().type() != ValueType::kSortedSet && place.entry().type() != ValueType::kSet) {
      call.reply.Error(errors::kWrongType);
      return false;
    }
    sources->emplace_back(place.entry_or_null());
  }
  return true;
}

bool ParseWeights(DataCall& call, std::vector<Source>* sources) {
  for (Source& source : *sources) {
    const std::optional<double> weight = ParseDouble(call.args.Next());
    if (!weight) {
      call.reply.Error("ERR weight value is not a float");
      return false;
    }
    source.set_weight(*weight);
  }
  return true;
}

bool TakeAggregate(Arguments& args, Aggregate* aggregate) {
  if (args.Take("SUM")) {
    *aggregate = Aggregate::kSum;
  } else if (args.Take("MIN")) {
    *aggregate = Aggregate::kMinimum;
  } else if (args.Take("MAX")) {
    *aggregate = Aggregate::kMaximum;
  } else if (args.Take("COUNT")) {
    *aggregate = Aggregate::kCount;
  } else {
    return false;
  }
  return true;
}

// The options behind the keys. False with the error written.
bool ParseJoinOptions(DataCall& call, JoinQuery* query, std::vector<Source>* sources) {
  const bool has_scores = query->operation != JoinKind::kDifference && query->answer != Answer::kCount;
  while (!call.args.AtEnd()) {
    if (has_scores && call.args.Left() > sources->size() && call.args.Take("WEIGHTS")) {
      if (!ParseWeights(call, sources)) return false;
    } else if (has_scores && call.args.TakeWithValue("AGGREGATE")) {
      if (TakeAggregate(call.args, &query->aggregate)) continue;
      call.reply.Error(errors::kSyntax);
      return false;
    } else if (query->answer == Answer::kMembers && call.args.Take("WITHSCORES")) {
      query->with_scores = true;
    } else if (query->answer == Answer::kCount && call.args.TakeWithValue("LIMIT")) {
      const std::optional<int64_t> limit = resp::ParseInteger(call.args.Next());
      if (!limit || *limit < 0) {
        call.reply.Error("ERR LIMIT can't be negative");
        return false;
      }
      query->limit = *limit;
    } else {
      call.reply.Error(errors::kSyntax);
      return false;
    }
  }
  return true;
}

// --- joining --------------------------------------------------------------------------------------------------------

std::vector<ScoredMember> Union(const std::vector<Source>& sources, Aggregate aggregate, storage::SeededHash hash) {
  std::unordered_map<std::string, double, storage::SeededHash> scores(0, hash);
  for (const Source& source : sources) {
    source.VisitUntil([&](std::string_view name, double score) {
      const auto [place, is_new] = scores.emplace(name, score);
      if (!is_new) place->second = Joined(aggregate, place->second, score);
      return true;
    });
  }
  std::vector<ScoredMember> result;
  result.reserve(scores.size());
  for (auto& [name, score] : scores) result.push_back({name, score});
  return result;
}

// `visit(name, score)` until it returns false.
template <typename Visitor>
void VisitIntersection(const std::vector<Source>& sources, Aggregate aggregate, Visitor&& visit) {
  sources[0].VisitUntil([&](std::string_view name, double score) {
    for (size_t i = 1; i < sources.size(); ++i) {
      const std::optional<double> other = sources[i].Score(name);
      if (!other) return true;
      score = Joined(aggregate, score, *other);
    }
    return visit(name, score);
  });
}

std::vector<ScoredMember> Difference(const std::vector<Source>& sources) {
  std::vector<ScoredMember> result;
  sources[0].VisitUntil([&](std::string_view name, double score) {
    const bool elsewhere = std::any_of(sources.begin() + 1, sources.end(),
                                       [&](const Source& other) { return other.Score(name).has_value(); });
    if (!elsewhere) result.push_back({std::string(name), score});
    return true;
  });
  return result;
}

std::vector<ScoredMember> Join(const JoinQuery& query, const std::vector<Source>& sources, storage::SeededHash hash) {
  std::vector<ScoredMember> result;
  switch (query.operation) {
    case JoinKind::kUnion: result = Union(sources, query.aggregate, hash); break;
    case JoinKind::kIntersection:
      VisitIntersection(sources, query.aggregate, [&](std::string_view name, double score) {
        result.push_back({std::string(name), score});
        return true;
      });
      break;
    case JoinKind::kDifference: result = Difference(sources); break;
  }
  SortScored(&result);
  return result;
}

void ReplyCount(DataCall& call, const JoinQuery& query, const std::vector<Source>& sources) {
  int64_t count = 0;
  VisitIntersection(sources, query.aggregate, [&](std::string_view, double) { return ++count != query.limit; });
  call.reply.Integer(count);
}

const storage::KeyEvent& StoreEvent(JoinKind kind) {
  switch (kind) {
    case JoinKind::kUnion: return events::kZUnionStore;
    case JoinKind::kIntersection: return events::kZInterStore;
    case JoinKind::kDifference: break;
  }
  return events::kZDiffStore;
}

// Members of a union go through a hash table and are sorted.
uint64_t StepsOf(JoinKind kind, const std::vector<Source>& sources) {
  uint64_t all = 0;
  for (const Source& source : sources) all += source.size();
  return kStepsOfInsertion * (kind == JoinKind::kUnion ? 2 * all : sources[0].size() * sources.size());
}

// `name` of the command, as its errors say it.
void JoinAll(DataCall& call, std::string_view name, JoinQuery query) {
  const size_t number_at = query.answer == Answer::kStored ? 2 : 1;
  const std::optional<int64_t> number = resp::ParseInteger(call.args[number_at]);
  if (!number) return call.reply.Error(errors::kNotInteger);
  if (*number < 1) {
    return call.reply.Error("ERR at least 1 input key is needed for '" + std::string(name) + "' command");
  }
  if (*number > static_cast<int64_t>(call.args.size() - number_at - 1)) return call.reply.Error(errors::kSyntax);
  const auto count = static_cast<size_t>(*number);
  std::vector<Source> sources;
  if (!FindSources(call, number_at + 1, count, &sources)) return;
  call.args.Skip(number_at + count);
  if (!ParseJoinOptions(call, &query, &sources)) return;
  if (query.operation != JoinKind::kDifference) {
    // The smallest first: it bounds an intersection. And sums come out as redis-server's do, which adds in this order.
    std::stable_sort(sources.begin(), sources.end(),
                     [](const Source& a, const Source& b) { return a.size() < b.size(); });
  }
  if (query.aggregate == Aggregate::kCount) {
    for (Source& source : sources) source.set_counts();
  }
  if (call.TakesLong(StepsOf(query.operation, sources))) return;
  if (query.answer == Answer::kCount) return ReplyCount(call, query, sources);
  const storage::SeededHash hash(call.txn.store().placement().seed);
  const std::vector<ScoredMember> members = Join(query, sources, hash);
  if (query.answer == Answer::kStored) return StoreScored(call, call.args[1], members, StoreEvent(query.operation));
  ScoredReply reply(call.reply, members.size(), query.with_scores);
  for (const ScoredMember& each : members) reply(each.name, each.score);
}

void ZUnion(DataCall& call) { JoinAll(call, "zunion", {JoinKind::kUnion, Answer::kMembers}); }
void ZUnionStore(DataCall& call) { JoinAll(call, "zunionstore", {JoinKind::kUnion, Answer::kStored}); }
void ZInter(DataCall& call) { JoinAll(call, "zinter", {JoinKind::kIntersection, Answer::kMembers}); }
void ZInterStore(DataCall& call) { JoinAll(call, "zinterstore", {JoinKind::kIntersection, Answer::kStored}); }
void ZInterCard(DataCall& call) { JoinAll(call, "zintercard", {JoinKind::kIntersection, Answer::kCount}); }
void ZDiff(DataCall& call) { JoinAll(call, "zdiff", {JoinKind::kDifference, Answer::kMembers}); }
void ZDiffStore(DataCall& call) { JoinAll(call, "zdiffstore", {JoinKind::kDifference, Answer::kStored}); }

constexpr std::string_view kUnionCost = "O(N) + O(M*log M): N members of all sets, M in the result";
constexpr std::string_view kScoredIntersectionCost =
    "O(N*K) + O(M*log M): N members of the smallest of K sets, M in the result";
constexpr std::string_view kDifferenceCost = "O(N*K) + O(M*log M): N members of the first of K sets, M in the result";

constexpr Command kSortedSetJoinCommands[] = {
    {.name = "zdiff",
     .arity = -3,
     .flags = kReadOnly,
     .keys = CountedKeys(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "6.2.0",
     .complexity = kDifferenceCost,
     .syntax = "numkeys key [key ...] [WITHSCORES]",
     .summary = "Returns the members of the first sorted set that are in none of the others.",
     .run = Data(ZDiff)},
    {.name = "zdiffstore",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyOW | kKeyUpdate),
     .more_keys = CountedKeys(kKeyRO | kKeyAccess, 2),
     .group = Group::kSortedSet,
     .since = "6.2.0",
     .complexity = kDifferenceCost,
     .syntax = "destination numkeys key [key ...]",
     .summary = "Stores the result of ZDIFF.",
     .run = Data(ZDiffStore)},
    {.name = "zinter",
     .arity = -3,
     .flags = kReadOnly,
     .keys = CountedKeys(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "6.2.0",
     .history = "8.8.0 COUNT",
     .complexity = kScoredIntersectionCost,
     .syntax = "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>] [WITHSCORES]",
     .summary = "Returns the members that are in all sorted sets.",
     .run = Data(ZInter)},
    {.name = "zintercard",
     .arity = -3,
     .flags = kReadOnly,
     .keys = CountedKeys(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "7.0.0",
     .complexity = "O(N*K): N members of the smallest of K sets",
     .syntax = "numkeys key [key ...] [LIMIT limit]",
     .summary = "Counts the members that are in all sorted sets.",
     .run = Data(ZInterCard)},
    {.name = "zinterstore",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyOW | kKeyUpdate),
     .more_keys = CountedKeys(kKeyRO | kKeyAccess, 2),
     .group = Group::kSortedSet,
     .since = "2.0.0",
     .history = "8.8.0 COUNT",
     .complexity = kScoredIntersectionCost,
     .syntax = "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>]",
     .summary = "Stores the result of ZINTER.",
     .run = Data(ZInterStore)},
    {.name = "zunion",
     .arity = -3,
     .flags = kReadOnly,
     .keys = CountedKeys(kKeyRO | kKeyAccess),
     .group = Group::kSortedSet,
     .since = "6.2.0",
     .history = "8.8.0 COUNT",
     .complexity = kUnionCost,
     .syntax = "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>] [WITHSCORES]",
     .summary = "Returns the members that are in any of the sorted sets.",
     .run = Data(ZUnion)},
    {.name = "zunionstore",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyOW | kKeyUpdate),
     .more_keys = CountedKeys(kKeyRO | kKeyAccess, 2),
     .group = Group::kSortedSet,
     .since = "2.0.0",
     .history = "8.8.0 COUNT",
     .complexity = kUnionCost,
     .syntax = "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>]",
     .summary = "Stores the result of ZUNION.",
     .run = Data(ZUnionStore)},
};
static_assert(RowsAreSound(kSortedSetJoinCommands));

}  // namespace

std::span<const Command> SortedSetJoinCommands() { return kSortedSetJoinCommands; }

}  // namespace ringkv::server
