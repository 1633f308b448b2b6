// SPDX-License-Identifier: MIT
// Arguments and replies that geospatial commands share.
#pragma once

#include <optional>
#include <string_view>

#include "server/command/command.h"
#include "server/geo/geohash.h"

namespace ringkv::server {

// The sorted set at a key, or none; nothing with the error written.
std::optional<storage::Place> FindPlaces(DataCall& call, std::string_view key, storage::Intent intent);

// Meters of one unit; nothing with the error written.
std::optional<double> ParseUnit(DataCall& call, std::string_view text);

// Nothing with the error written.
std::optional<GeoPoint> ParsePoint(DataCall& call, std::string_view longitude, std::string_view latitude);

// With four decimal places.
void ReplyDistance(resp::ReplyWriter& reply, double distance);

void ReplyPoint(resp::ReplyWriter& reply, const GeoPoint& point);

}  // namespace ringkv::server
