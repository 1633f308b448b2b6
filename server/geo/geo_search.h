// SPDX-License-Identifier: MIT
// The geohash cells that cover a circle, a box or a polygon, and the test whether a point is within.
#pragma once

#include <optional>
#include <vector>

#include "server/geo/geohash.h"

namespace ringkv::server {

struct GeoShape {
  GeoPoint center;
  double unit = 1;  // meters per unit of the lengths
  // A circle has a radius, a box a width and a height.
  bool is_circle = true;
  double radius = 0;
  double width = 0;
  double height = 0;
  // Of a polygon: at least three. Its sides are straight lines on a map of degrees; none crosses the edge of that map.
  std::vector<GeoPoint> corners = {};

  bool is_polygon() const { return !corners.empty(); }
};

// The center of points on a sphere, as of a polygon.
GeoPoint CenterOf(const std::vector<GeoPoint>& points);

// The distance from the center in meters, if the point is within the shape.
std::optional<double> DistanceWithin(const GeoShape& shape, const GeoPoint& point);

// At most nine cells, in the order in which Redis searches them; the same cell never occurs twice in a row.
std::vector<GeoCell> CellsOf(const GeoShape& shape);

// Scores in the cell: at least `least`, below `most`.
struct ScoreRange {
  double least;
  double most;
};
ScoreRange ScoresIn(const GeoCell& cell);

}  // namespace ringkv::server
