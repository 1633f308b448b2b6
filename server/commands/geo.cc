// SPDX-License-Identifier: MIT
// Geospatial commands about single members: members of a sorted set whose scores are geohashes.
#include <string>
#include <vector>

#include "server/command/typed_key.h"
#include "server/commands/families.h"
#include "server/commands/geo_arguments.h"
#include "storage/effects/key_event.h"
#include "storage/types/sorted_set.h"

namespace ringkv::server {
namespace {

namespace events = storage::events;
using storage::Intent;
using storage::Place;
using storage::SortedSetView;

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
    const storage::EffectResult outcome =
        call.txn.Do(*found, storage::SortedSetPut{member, GeoScore(points[i])}, events::kZAdd);
    if (outcome == storage::EffectResult::kAdded || (counts_changes && outcome == storage::EffectResult::kChanged))
      ++counted;
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
};
static_assert(RowsAreSound(kGeoCommands));

}  // namespace

std::span<const Command> GeoCommands() { return kGeoCommands; }

}  // namespace ringkv::server
