// SPDX-License-Identifier: MIT
#include "server/commands/geo_arguments.h"

#include <cstdio>
#include <string>

#include "server/command/double_text.h"
#include "server/command/long_double.h"
#include "server/command/typed_key.h"

namespace ringkv::server {
namespace {

void ReplyCoordinate(resp::ReplyWriter& reply, double degrees) { reply.Double(degrees, FormatLongDouble(degrees)); }

}  // namespace

std::optional<storage::Place> FindPlaces(DataCall& call, std::string_view key, storage::Intent intent) {
  return FindTyped(call, storage::ValueType::kSortedSet, key, intent);
}

std::optional<double> ParseUnit(DataCall& call, std::string_view text) {
  if (EqualsIgnoringCase(text, "m")) return 1;
  if (EqualsIgnoringCase(text, "km")) return 1000;
  if (EqualsIgnoringCase(text, "ft")) return 0.3048;
  if (EqualsIgnoringCase(text, "mi")) return 1609.34;
  call.reply.Error("ERR unsupported unit provided. please use M, KM, FT, MI");
  return std::nullopt;
}

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

void ReplyPoint(resp::ReplyWriter& reply, const GeoPoint& point) {
  reply.Array(2);
  ReplyCoordinate(reply, point.longitude);
  ReplyCoordinate(reply, point.latitude);
}

}  // namespace ringkv::server
