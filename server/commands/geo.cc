// SPDX-License-Identifier: MIT
// Geospatial commands: members of a sorted set whose scores are geohashes.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "server/command/double_text.h"
#include "server/command/long_double.h"
#include "server/command/typed_key.h"
#include "server/commands/families.h"
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

std::optional<Place> FindPlaces(DataCall& call, std::string_view key, Intent intent) {
  return FindTyped(call, storage::ValueType::kSortedSet, key, intent);
}

// --- arguments and replies ------------------------------------------------------------------------------------------

// Meters of one; nothing with the error written.
std::optional<double> ParseUnit(DataCall& call, std::string_view text) {
  if (EqualsIgnoringCase(text, "m")) return 1;
  if (EqualsIgnoringCase(text, "km")) return 1000;
  if (EqualsIgnoringCase(text, "ft")) return 0.3048;
  if (EqualsIgnoringCase(text, "mi")) return 1609.34;
  call.reply.Error("ERR unsupported unit provided. please use M, KM, FT, MI");
  return std::nullopt;
}

// Nothing with the error written.
std::optional<GeoPoint> ParsePoint(DataCall& call, std::string_view longitude, std::string_view latitude) {
  const std::optional<double> x = ParseDouble(longitude);
  const std::optional<double> y = x ? ParseDouble(latitude) : std::nullopt;
  if (!x || !y) {
    call.reply.Error(errors::kNotFloat);
    return std::nullopt;
  }
  const GeoPoint point{*x, *y};
  if (IsOnMap(point)) return point;
  char error[2 * 320 + 64];
  std::snprintf(error, sizeof error, "ERR invalid longitude,latitude pair %f,%f", *x, *y);
  call.reply.Error(error);
  return std::nullopt;
}

void ReplyDistance(resp::ReplyWriter& reply, double distance) {
  char text[400];
  const int size = std::snprintf(text, sizeof text, "%.4f", distance);
  reply.Bulk({text, static_cast<size_t>(size)});
}

void ReplyCoordinate(resp::ReplyWriter& reply, double degrees) {
  reply.Double(degrees, FormatLongDouble(degrees));
}

void ReplyPoint(resp::ReplyWriter& reply, const GeoPoint& point) {
  reply.Array(2);
  ReplyCoordinate(reply, point.longitude);
  ReplyCoordinate(reply, point.latitude);
}

// --- single members -------------------------------------------------------------------------------------------------

void GeoAdd(DataCall& call) {
  bool if_missing = false;
  bool if_there = false;
  bool counts_changes = false;
  call.args.Skip(1);
  for (;;) {
    if (call.args.Take("NX")) {
      if_missing = true;
    } else if (call.args.Take("XX")) {
      if_there = true;
    } else if (call.args.Take("CH")) {
      counts_changes = true;
    } else {
      break;
    }
  }
  if (call.args.Left() % 3 != 0 || call.args.AtEnd() || (if_missing && if_there)) {
    return call.reply.Error(errors::kSyntax);
  }
  const size_t first = call.args.size() - call.args.Left();
  std::vector<GeoPoint> points;
  for (size_t i = first; i < call.args.size(); i += 3) {
    const std::optional<GeoPoint> point = ParsePoint(call, call.args[i], call.args[i + 1]);
    if (!point) return;
    points.push_back(*point);
  }
  std::optional<Place> found = FindPlaces(call, call.args[1], Intent::kWrite);
  if (!found) return;
  int64_t counted = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    const std::string_view member = call.args[first + 3 * i + 2];
    const bool is_there = SortedSetView(found->entry_or_null()).Score(member).has_value();
    if (is_there ? if_missing : if_there) continue;
    const storage::Outcome outcome =
        call.txn.Do(*found, storage::SortedSetPut{member, GeoScore(points[i])}, events::kZAdd);
    if (outcome == storage::Outcome::kAdded || (counts_changes && outcome == storage::Outcome::kChanged)) ++counted;
  }
  call.reply.Integer(counted);
}

void GeoDist(DataCall& call) {
  double unit = 1;
  if (call.args.size() > 5) return call.reply.Error(errors::kSyntax);
  if (call.args.size() == 5) {
    const std::optional<double> parsed = ParseUnit(call, call.args[4]);
    if (!parsed) return;
    unit = *parsed;
  }
  const std::optional<Place> found = FindPlaces(call, call.args[1], Intent::kRead);
  if (!found) return;
  const SortedSetView places(found->entry_or_null());
  const std::optional<double> from = places.Score(call.args[2]);
  const std::optional<double> to = places.Score(call.args[3]);
  if (!from || !to) return call.reply.Null();
  ReplyDistance(call.reply, GeoDistance(GeoPointOf(*from), GeoPointOf(*to)) / unit);
}

// `reply_point(point)` for each of the members; what is missing is null.
template <typename ReplyFound, typename ReplyMissing>
void ReplyMembers(DataCall& call, ReplyFound&& reply_point, ReplyMissing&& reply_missing) {
  const std::optional<Place> found = FindPlaces(call, call.args[1], Intent::kRead);
  if (!found) return;
  const SortedSetView places(found->entry_or_null());
  call.reply.Array(static_cast<int64_t>(call.args.size()) - 2);
  for (size_t i = 2; i < call.args.size(); ++i) {
    const std::optional<double> score = places.Score(call.args[i]);
    score ? reply_point(GeoPointOf(*score)) : reply_missing();
  }
}

void GeoPos(DataCall& call) {
  ReplyMembers(
      call, [&](const GeoPoint& point) { ReplyPoint(call.reply, point); }, [&] { call.reply.NullArray(); });
}

void GeoHash(DataCall& call) {
  ReplyMembers(
      call, [&](const GeoPoint& point) { call.reply.Bulk(GeohashText(point)); }, [&] { call.reply.Null(); });
}

// --- searching ------------------------------------------------------------------------------------------------------

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
  query->shape.is_circle = true;
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
  query->shape.is_circle = false;
  query->shape.width = *width;
  query->shape.height = *height;
  query->shape.unit = *unit;
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

// One option. False with the error written.
bool ParseOption(DataCall& call, const Place& source, bool stores, GeoQuery* query) {
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
  } else if (stores && args.Take("STOREDIST")) {
    query->stores_distance = true;
  } else if (args.TakeWithValue("COUNT")) {
    const std::optional<int64_t> count = resp::ParseInteger(args.Next());
    if (!count || *count <= 0) {
      call.reply.Error(count ? "ERR COUNT must be > 0" : errors::kNotInteger);
      return false;
    }
    query->count = static_cast<size_t>(*count);
  } else if ((!query->has_center || query->is_from_member) && args.TakeWithValue("FROMMEMBER")) {
    return ParseCenterOfMember(call, source, query);
  } else if (args.Left() >= 3 && !query->is_from_member && args.Take("FROMLONLAT")) {
    const std::string_view longitude = args.Next();
    const std::optional<GeoPoint> center = ParsePoint(call, longitude, args.Next());
    if (!center) return false;
    query->shape.center = *center;
    query->has_center = true;
  } else if (args.Left() >= 3 && (!query->has_shape || query->shape.is_circle) && args.Take("BYRADIUS")) {
    query->has_shape = true;
    return ParseCircle(call, query);
  } else if (args.Left() >= 4 && (!query->has_shape || !query->shape.is_circle) && args.Take("BYBOX")) {
    query->has_shape = true;
    return ParseBox(call, query);
  } else {
    call.reply.Error(errors::kSyntax);
    return false;
  }
  return true;
}

// `name` of the command as it was called. False with the error written.
bool ParseGeoQuery(DataCall& call, const Place& source, bool stores, GeoQuery* query) {
  while (!call.args.AtEnd()) {
    if (!ParseOption(call, source, stores, query)) return false;
  }
  const std::string name(call.args[0]);
  if (stores && (query->with_distance || query->with_hash || query->with_point)) {
    call.reply.Error("ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
  } else if (!query->has_center) {
    call.reply.Error("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + name);
  } else if (!query->has_shape) {
    call.reply.Error("ERR exactly one of BYRADIUS and BYBOX can be specified for " + name);
  } else if (query->any && query->count == 0) {
    call.reply.Error("ERR the ANY argument requires COUNT argument");
  } else {
    return true;
  }
  return false;
}

struct Near {
  std::string member;
  double score;
  double distance;  // in the unit of the query
};

std::vector<Near> Search(const SortedSetView& places, const GeoQuery& query) {
  const size_t enough = query.any ? query.count : SIZE_MAX;
  std::vector<Near> found;
  for (const GeoCell& cell : CellsOf(query.shape)) {
    if (found.size() >= enough) break;
    const ScoreRange range = ScoresIn(cell);
    const auto before = [&](double bound) {
      return places.CountBefore([&](double score, std::string_view) { return score < bound; });
    };
    const size_t first = before(range.least);
    places.VisitRange(first, before(range.most) - first, false, [&](std::string_view member, double score) {
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

void AnswerSearch(DataCall& call, size_t source_at, bool stores) {
  const std::optional<Place> source = FindPlaces(call, call.args[source_at], Intent::kRead);
  if (!source) return;
  GeoQuery query;
  call.args.Skip(source_at);
  if (!ParseGeoQuery(call, *source, stores, &query)) return;
  std::vector<Near> found;
  if (*source) found = Search(SortedSetView(source->entry_or_null()), query);
  if (!stores) return ReplyNear(call.reply, query, found);
  std::vector<ScoredMember> members;
  for (Near& each : found)
    members.push_back({std::move(each.member), query.stores_distance ? each.distance : each.score});
  SortScored(&members);
  StoreScored(call, members, events::kGeoSearchStore);
}

void GeoSearch(DataCall& call) { AnswerSearch(call, 1, false); }
void GeoSearchStore(DataCall& call) { AnswerSearch(call, 2, true); }

constexpr std::string_view kSearchCost = "O(N+log M): N members around the place, M in all";

constexpr Command kGeoCommands[] = {
    {.name = "geoadd",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyRW | kKeyUpdate),
     .group = Group::kGeo,
     .since = "3.2.0",
     .complexity = "O(log N) for each member added",
     .syntax = "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
     .summary = "Adds geospatial members or updates their positions.",
     .run = Data(GeoAdd)},
    {.name = "geodist",
     .arity = -4,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kGeo,
     .since = "3.2.0",
     .syntax = "key member1 member2 [M | KM | FT | MI]",
     .summary = "Returns the distance between two members.",
     .run = Data(GeoDist)},
    {.name = "geohash",
     .arity = -2,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kGeo,
     .since = "3.2.0",
     .complexity = "O(N) in the number of members",
     .syntax = "key [member [member ...]]",
     .summary = "Returns the geohash strings of members.",
     .run = Data(GeoHash)},
    {.name = "geopos",
     .arity = -2,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kGeo,
     .since = "3.2.0",
     .complexity = "O(N) in the number of members",
     .syntax = "key [member [member ...]]",
     .summary = "Returns longitude and latitude of members.",
     .run = Data(GeoPos)},
    {.name = "geosearch",
     .arity = -7,
     .flags = kReadOnly,
     .keys = OneKey(kKeyRO | kKeyAccess),
     .group = Group::kGeo,
     .since = "6.2.0",
     .complexity = kSearchCost,
     .syntax =
         "key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | BYBOX width "
         "height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
     .summary = "Returns the members within a circle or a box.",
     .run = Data(GeoSearch)},
    {.name = "geosearchstore",
     .arity = -8,
     .flags = kWrite | kDenyOom,
     .keys = OneKey(kKeyOW | kKeyUpdate),
     .more_keys = OneKey(kKeyRO | kKeyAccess, 2),
     .group = Group::kGeo,
     .since = "6.2.0",
     .complexity = kSearchCost,
     .syntax = "destination source <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | "
               "MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] [STOREDIST]",
     .summary = "Stores the members within a circle or a box.",
     .run = Data(GeoSearchStore)},
};
static_assert(RowsAreSound(kGeoCommands));

}  // namespace

std::span<const Command> GeoCommands() { return kGeoCommands; }

}  // namespace ringkv::server
