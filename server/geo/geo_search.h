// SPDX-License-Identifier: MIT
// Which cells of the map have all that lies within a circle or a box, and whether a point does.
#pragma once

#include <optional>
#include <vector>

#include "server/geo/geohash.h"

namespace ringkv::server {

struct GeoShape {
  GeoPoint center;
  double unit = 1;  // meters of one of what the lengths count
  // A circle has a radius, a box a width and a height.
  bool is_circle = true;
  double radius = 0;
  double width = 0;
  double height = 0;
};

// Meters from the center, if the point lies within.
std::optional<double> DistanceWithin(const GeoShape& shape, const GeoPoint& point);

// Nine cells at most, in the order in which Redis looks through them; the same cell is never twice in a row.
std::vector<GeoCell> CellsOf(const GeoShape& shape);

// Scores in the cell: from `least` on, below `most`.
struct ScoreRange {
  double least;
  double most;
};
ScoreRange ScoresIn(const GeoCell& cell);

}  // namespace ringkv::server
