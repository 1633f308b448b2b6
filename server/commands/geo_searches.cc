// SPDX-License-Identifier: MIT
// Geospatial commands that search for members near a point.
#include <algorithm>
#include <string>
#include <vector>

#include "server/command/double_text.h"
#include "server/command/error_replies.h"
#include "server/commands/families.h"
#include "server/commands/geo_arguments.h"
#include "server/commands/scored_store.h"
#include "server/geo/geo_search.h"
#include "storage/effects/key_event.h"
#include "storage/types/sorted_set.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::Place;
using storage::SortedSetView;

// --- arguments of all searches
// ----------------------------------------------------------------------------------------

enum class GeoOrder : uint8_t { kNone, kNearestFirst, kFarthestFirst };

struct GeoQuery {
  GeoShape shape;
  bool has_center = false;
  bool is_from_member = false;
  bool has_shape = false;
  GeoOrder order = GeoOrder::kNone;
  size_t count = 0;  // 0: all
  bool any = false;  // whichever are found first
  bool with_distance = false;
  bool with_hash = false;
  bool with_point = false;
  std::optional<std::string_view> target;  // the key at which the result is stored
  bool stores_distance = false;
};

// A length that is not below zero; nothing with the error written.
std::optional<double> TakeLength(DataCall& call, std::string_view not_a_number) {
  const std::optional<double> length = ParseDouble(call.args.Next());
  if (!length) call.reply.Error(not_a_number);
  return length;
}

bool ParseCircle(DataCall& call, GeoQuery* query) {
  const std::optional<double> radius = TakeLength(call, "ERR need numeric radius");
  if (!radius) return false;
  if (*radius < 0) {
    call.reply.Error("ERR radius cannot be negative");
    return false;
  }
  const std::optional<double> unit = ParseUnit(call, call.args.Next());
  if (!unit) return false;
  query->has_shape = query->shape.is_circle = true;
  query->shape.radius = *radius;
  query->shape.unit = *unit;
  return true;
}

bool ParseBox(DataCall& call, GeoQuery* query) {
  const std::optional<double> width = TakeLength(call, "ERR need numeric width");
  const std::optional<double> height = width ? TakeLength(call, "ERR need numeric height") : std::nullopt;
  if (!height) return false;
  if (*height < 0 || *width < 0) {
    call.reply.Error("ERR height or width cannot be negative");
    return false;
  }
  const std::optional<double> unit = ParseUnit(call, call.args.Next());
  if (!unit) return false;
  query->has_shape = true;
  query->shape.is_circle = false;
  query->shape.width = *width;
  query->shape.height = *height;
  query->shape.unit = *unit;
  return true;
}

bool ParsePolygon(DataCall& call, GeoQuery* query) {
  constexpr int64_t kLeast = 3;
  constexpr int64_t kMost = 1024;  // each place that is near is compared with all of them
  const std::optional<int64_t> count = resp::ParseInteger(call.args.Next());
  if (!count || *count < kLeast || *count > kMost) {
    call.reply.Error("ERR BYPOLYGON takes 3 to 1024 vertices");
    return false;
  }
  if (call.args.Left() < 2 * static_cast<size_t>(*count)) {
    call.reply.Error(errors::kSyntax);
    return false;
  }
  for (int64_t i = 0; i < *count; ++i) {
    const std::string_view longitude = call.args.Next();
    const std::optional<GeoPoint> corner = ParsePoint(call, longitude, call.args.Next());
    if (!corner) return false;
    query->shape.corners.push_back(*corner);
  }
  query->shape.center = CenterOf(query->shape.corners);
  query->has_shape = query->has_center = true;
  return true;
}

bool ParseCenter(DataCall& call, GeoQuery* query) {
  const std::string_view longitude = call.args.Next();
  const std::optional<GeoPoint> center = ParsePoint(call, longitude, call.args.Next());
  if (!center) return false;
  query->shape.center = *center;
  query->has_center = true;
  return true;
}

bool ParseCenterOfMember(DataCall& call, const Place& source, GeoQuery* query) {
  const std::string_view member = call.args.Next();
  query->has_center = query->is_from_member = true;
  if (!source) return true;  // nothing will be found, but the rest is checked
  const std::optional<double> score = SortedSetView(source.entry_or_null()).Score(member);
  if (!score) {
    call.reply.Error("ERR could not decode requested zset member");
    return false;
  }
  query->shape.center = GeoPointOf(*score);
  return true;
}

// What became of the next argument: no such option, taken, or wrong with the error written.
enum class GeoOption : uint8_t { kOther, kTaken, kError };

// An option that all searches have.
GeoOption ParseCommonOption(DataCall& call, GeoQuery* query) {
  Arguments& args = call.args;
  if (args.Take("WITHDIST")) {
    query->with_distance = true;
  } else if (args.Take("WITHHASH")) {
    query->with_hash = true;
  } else if (args.Take("WITHCOORD")) {
    query->with_point = true;
  } else if (args.Take("ANY")) {
    query->any = true;
  } else if (args.Take("ASC")) {
    query->order = GeoOrder::kNearestFirst;
  } else if (args.Take("DESC")) {
    query->order = GeoOrder::kFarthestFirst;
  } else if (args.TakeWithValue("COUNT")) {
    const std::optional<int64_t> count = resp::ParseInteger(args.Next());
    if (!count || *count <= 0) {
      call.reply.Error(count ? "ERR COUNT must be > 0" : errors::kNotInteger);
      return GeoOption::kError;
    }
    query->count = static_cast<size_t>(*count);
  } else {
    return GeoOption::kOther;
  }
  return GeoOption::kTaken;
}

bool CountIsComplete(DataCall& call, const GeoQuery& query) {
  if (!query.any || query.count > 0) return true;
  call.reply.Error("ERR the ANY argument requires COUNT argument");
  return false;
}

// `what`: the command or option that stores.
bool ShowsNothing(DataCall& call, const GeoQuery& query, const std::string& what) {
  if (!query.with_distance && !query.with_hash && !query.with_point) return true;
  call.reply.Error("ERR " + what + " is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
  return false;
}

struct Near {
  std::string member;
  double score;
  double distance;  // in the unit of the query
};

// The members of a cell, by their ranks.
struct CellRanks {
  size_t first;
  size_t count;
};

std::vector<CellRanks> CellsIn(const SortedSetView& places, const GeoQuery& query) {
  std::vector<CellRanks> ranks;
  for (const GeoCell& cell : CellsOf(query.shape)) {
    const ScoreRange range = ScoresIn(cell);
    const auto before = [&](double bound) {
      return places.CountBefore([&](double score, std::string_view) { return score < bound; });
    };
    const size_t first = before(range.least);
    ranks.push_back({first, before(range.most) - first});
  }
  return ranks;
}

uint64_t StepsNear(const std::vector<CellRanks>& cells, const GeoQuery& query) {
  constexpr uint64_t kStepsOfPlace = 4;
  constexpr uint64_t kSidesOfStep = 16;
  uint64_t places = 0;
  for (const CellRanks& cell : cells) places += cell.count;
  // Of a polygon most places may have to be looked at to find any.
  if (query.shape.is_polygon()) return places * (kStepsOfPlace + query.shape.corners.size() / kSidesOfStep);
  return kStepsOfPlace * (query.any ? std::min<uint64_t>(places, query.count) : places);
}

std::vector<Near> FindNear(const SortedSetView& places, const std::vector<CellRanks>& cells, const GeoQuery& query) {
  const size_t enough = query.any ? query.count : SIZE_MAX;
  std::vector<Near> found;
  for (const CellRanks& cell : cells) {
    if (found.size() >= enough) break;
    places.VisitRange(cell.first, cell.count, false, [&](std::string_view member, double score) {
      if (found.size() >= enough) return;
      const std::optional<double> distance = DistanceWithin(query.shape, GeoPointOf(score));
      if (distance) found.push_back({std::string(member), score, *distance / query.shape.unit});
    });
  }
  const auto is_nearer = [](const Near& a, const Near& b) { return a.distance < b.distance; };
  const auto is_farther = [](const Near& a, const Near& b) { return a.distance > b.distance; };
  // The nearest ones are meant where only some are asked for.
  if (query.order == GeoOrder::kNearestFirst || (query.order == GeoOrder::kNone && query.count > 0 && !query.any)) {
    std::stable_sort(found.begin(), found.end(), is_nearer);
  } else if (query.order == GeoOrder::kFarthestFirst) {
    std::stable_sort(found.begin(), found.end(), is_farther);
  }
  if (query.count > 0 && found.size() > query.count) found.resize(query.count);
  return found;
}

// A score as the integer that it is for a place; others need not be one.
int64_t HashOf(double score) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  return score >= -kTwoTo63 && score < kTwoTo63 ? static_cast<int64_t>(score) : INT64_MIN;
}

void ReplyNear(resp::ReplyWriter& reply, const GeoQuery& query, const std::vector<Near>& found) {
  const int options = query.with_distance + query.with_hash + query.with_point;
  reply.Array(static_cast<int64_t>(found.size()));
  for (const Near& each : found) {
    if (options > 0) reply.Array(options + 1);
    reply.Bulk(each.member);
    if (query.with_distance) ReplyDistance(reply, each.distance);
    if (query.with_hash) reply.Integer(HashOf(each.score));
    if (query.with_point) ReplyPoint(reply, GeoPointOf(each.score));
  }
}

// Stores the result if the query has a target, else replies it.
void ReplyOrStore(DataCall& call, const Place& source, const GeoQuery& query, const storage::KeyEvent& stored) {
  std::vector<Near> found;
  if (source) {
    const SortedSetView places(source.entry_or_null());
    const std::vector<CellRanks> cells = CellsIn(places, query);
    if (call.TakesLong(StepsNear(cells, query))) return;
    found = FindNear(places, cells, query);
  }
  if (!query.target) return ReplyNear(call.reply, query, found);
  std::vector<ScoredMember> members;
  members.reserve(found.size());
  for (Near& each : found) {
    members.push_back({std::move(each.member), query.stores_distance ? each.distance : each.score});
  }
  SortScored(&members);
  StoreScored(call, *query.target, members, stored);
}

// --- GEOSEARCH
// --------------------------------------------------------------------------------------------------------

// An option that only GEOSEARCH has.
GeoOption ParseSearchOption(DataCall& call, const Place& source, GeoQuery* query) {
  Arguments& args = call.args;
  const auto parsed = [](bool is_valid) { return is_valid ? GeoOption::kTaken : GeoOption::kError; };
  if (query->target && args.Take("STOREDIST")) {
    query->stores_distance = true;
    return GeoOption::kTaken;
  }
  if ((!query->has_center || query->is_from_member) && args.TakeWithValue("FROMMEMBER")) {
    return parsed(ParseCenterOfMember(call, source, query));
  }
  if (query->shape.is_polygon()) return GeoOption::kOther;
  if (args.Left() >= 3 && !query->is_from_member && args.Take("FROMLONLAT")) {
    return parsed(ParseCenter(call, query));
  }
  if (args.Left() >= 3 && (!query->has_shape || query->shape.is_circle) && args.Take("BYRADIUS")) {
    return parsed(ParseCircle(call, query));
  }
  if (args.Left() >= 4 && (!query->has_shape || !query->shape.is_circle) && args.Take("BYBOX")) {
    return parsed(ParseBox(call, query));
  }
  if (!query->has_shape && !query->has_center && args.TakeWithValue("BYPOLYGON")) {
    return parsed(ParsePolygon(call, query));
  }
  return GeoOption::kOther;
}

// False with the error written.
bool ParseSearch(DataCall& call, const Place& source, GeoQuery* query) {
  while (!call.args.AtEnd()) {
    GeoOption parsed = ParseCommonOption(call, query);
    if (parsed == GeoOption::kOther) parsed = ParseSearchOption(call, source, query);
    if (parsed == GeoOption::kOther) call.reply.Error(errors::kSyntax);
    if (parsed != GeoOption::kTaken) return false;
  }
  if (query->target && !ShowsNothing(call, *query, "GEOSEARCHSTORE")) return false;
  const std::string name(call.args[0]);
  if (!query->has_center) {
    call.reply.Error("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + name);
    return false;
  }
  if (!query->has_shape) {
    call.reply.Error("ERR exactly one of BYRADIUS and BYBOX can be specified for " + name);
    return false;
  }
  return CountIsComplete(call, *query);
}

void AnswerSearch(DataCall& call, size_t source_at, GeoQuery query) {
  const std::optional<Place> source = FindPlaces(call, call.args[source_at], Intent::kRead);
  if (!source) return;
  call.args.Skip(source_at);
  if (ParseSearch(call, *source, &query)) ReplyOrStore(call, *source, query, events::kGeoSearchStore);
}

void GeoSearch(DataCall& call) { AnswerSearch(call, 1, {}); }
void GeoSearchStore(DataCall& call) {
  GeoQuery query;
  query.target = call.args[1];
  AnswerSearch(call, 2, query);
}

// --- GEORADIUS
// --------------------------------------------------------------------------------------------------------

// Where the options begin.
constexpr size_t kBehindPoint = 6;
constexpr size_t kBehindMember = 5;

// The key behind the last `keyword`, as the command reads its options.
template <size_t kOptionsAt, bool kOfDistance>
ArgumentRange FindGeoTarget(std::span<const std::string_view> argv) {
  ArgumentRange target;
  Arguments args(argv, kOptionsAt);
  while (!args.AtEnd()) {
    const size_t value_at = argv.size() - args.Left() + 1;
    const bool is_target = args.TakeWithValue(kOfDistance ? "STOREDIST" : "STORE");
    if (is_target) target = {value_at, 1};
    if (!is_target && !args.TakeWithValue("COUNT")) args.TakeWithValue(kOfDistance ? "STORE" : "STOREDIST");
    args.Skip(1);
  }
  return target;
}

// False with the error written.
bool ParseRadiusOptions(DataCall& call, bool may_store, GeoQuery* query) {
  Arguments& args = call.args;
  while (!args.AtEnd()) {
    const GeoOption parsed = ParseCommonOption(call, query);
    if (parsed == GeoOption::kError) return false;
    if (parsed == GeoOption::kTaken) continue;
    const bool is_plain = may_store && args.TakeWithValue("STORE");
    if (!is_plain && !(may_store && args.TakeWithValue("STOREDIST"))) {
      call.reply.Error(errors::kSyntax);
      return false;
    }
    query->target = args.Next();
    query->stores_distance = !is_plain;
  }
  if (query->target && !ShowsNothing(call, *query, "STORE option in GEORADIUS")) return false;
  return CountIsComplete(call, *query);
}

// The circle around a point or a member, and the options. False with the error written.
bool ParseRadius(DataCall& call, const Place& source, bool is_from_member, bool may_store, GeoQuery* query) {
  call.args.Skip(1);
  if (!(is_from_member ? ParseCenterOfMember(call, source, query) : ParseCenter(call, query))) return false;
  if (is_from_member && !source) {
    call.args.Skip(2);  // redis-server looks at the radius only where there is a key
  } else if (!ParseCircle(call, query)) {
    return false;
  }
  return ParseRadiusOptions(call, may_store, query);
}

template <bool kIsFromMember, bool kMayStore>
void GeoRadius(DataCall& call) {
  const std::optional<Place> source = FindPlaces(call, call.args[1], Intent::kRead);
  if (!source) return;
  GeoQuery query;
  if (ParseRadius(call, *source, kIsFromMember, kMayStore, &query)) {
    ReplyOrStore(call, *source, query, events::kGeoRadiusStore);
  }
}

// --- rows
// -------------------------------------------------------------------------------------------------------------

constexpr std::string_view kSearchCost = "O(N+log M): N members around the place, M in all";

template <size_t kOptionsAt, bool kOfDistance>
constexpr KeySpec TargetBehind(std::string_view keyword) {
  return {.flags = kKeyOW | kKeyUpdate,
          .first = kOptionsAt,
          .last = kOptionsAt,
          .step = 1,
          .search = KeySearch::kKeyword,
          .keyword = keyword,
          .find = FindGeoTarget<kOptionsAt, kOfDistance>};
}

constexpr Command kGeoSearchCommands[] = {
    {.name = "georadius",
     .arity = -6,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .more_keys = TargetBehind<kBehindPoint, false>("STORE"),
     .last_keys = TargetBehind<kBehindPoint, true>("STOREDIST"),
     .group = Group::kGeo,
     .since = "3.2.0",
     .complexity = kSearchCost,
     .syntax = "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] "
               "[ASC | DESC] [STORE key] [STOREDIST key]",
     .summary = "Returns or stores the members within a distance of a point. GEOSEARCH does it too.",
     .run = Data(GeoRadius<false, true>)},
    {.name = "georadius_ro",
     .arity = -6,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kGeo,
     .since = "3.2.10",
     .complexity = kSearchCost,
     .syntax = "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] "
               "[ASC | DESC]",
     .summary = "Returns the members within a distance of a point. GEOSEARCH does it too.",
     .run = Data(GeoRadius<false, false>)},
    {.name = "georadiusbymember",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .more_keys = TargetBehind<kBehindMember, false>("STORE"),
     .last_keys = TargetBehind<kBehindMember, true>("STOREDIST"),
     .group = Group::kGeo,
     .since = "3.2.0",
     .complexity = kSearchCost,
     .syntax =
         "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] "
         "[STORE key] [STOREDIST key]",
     .summary = "Returns or stores the members within a distance of a member. GEOSEARCH does it too.",
     .run = Data(GeoRadius<true, true>)},
    {.name = "georadiusbymember_ro",
     .arity = -5,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kGeo,
     .since = "3.2.10",
     .complexity = kSearchCost,
     .syntax =
         "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]",
     .summary = "Returns the members within a distance of a member. GEOSEARCH does it too.",
     .run = Data(GeoRadius<true, false>)},
    {.name = "geosearch",
     .arity = -7,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kGeo,
     .since = "6.2.0",
     .history = "9.0.0 BYPOLYGON (Valkey)",
     .complexity = kSearchCost,
     .syntax =
         "key <<FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | BYBOX width "
         "height <M | KM | FT | MI>> | BYPOLYGON num-vertices longitude latitude longitude latitude longitude latitude "
         "[longitude latitude ...]> [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
     .summary = "Returns the members within a circle, a box or a polygon.",
     .run = Data(GeoSearch)},
    {.name = "geosearchstore",
     .arity = -8,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyOW | kKeyUpdate),
     .more_keys = OneKey(kKeyRO | kKeyAccess, 2),
     .group = Group::kGeo,
     .since = "6.2.0",
     .history = "9.0.0 BYPOLYGON (Valkey)",
     .complexity = kSearchCost,
     .syntax =
         "destination source <<FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | "
         "MI> | BYBOX width height <M | KM | FT | MI>> | BYPOLYGON num-vertices longitude latitude longitude "
         "latitude longitude latitude [longitude latitude ...]> [ASC | DESC] [COUNT count [ANY]] [STOREDIST]",
     .summary = "Stores the members within a circle, a box or a polygon.",
     .run = Data(GeoSearchStore)},
};
static_assert(RowsAreSound(kGeoSearchCommands));

}  // namespace

std::span<const Command> GeoSearchCommands() { return kGeoSearchCommands; }

}  // namespace ringkv::server
