// SPDX-License-Identifier: MIT
// Polygons on the map: what is within, and the cells that are searched.
#include "server/geo/geo_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "storage/base/random.h"

namespace ringkv::server {
namespace {

double Between(storage::Random& random, double least, double most) {
  return least + random.Fraction() * (most - least);
}

// A star around a point: its corners in order of their direction.
GeoShape RandomPolygon(storage::Random& random, double size) {
  const GeoPoint middle{Between(random, -170, 170), Between(random, -80, 80)};
  GeoShape polygon;
  const auto corners = static_cast<int>(3 + random.Below(20));
  for (int i = 0; i < corners; ++i) {
    const double angle = 2 * 3.14159265358979 * i / corners;
    const double length = Between(random, size / 3, size);
    polygon.corners.push_back({std::clamp(middle.longitude + length * std::cos(angle), -180.0, 180.0),
                               std::clamp(middle.latitude + length * std::sin(angle), -85.0, 85.0)});
  }
  polygon.center = CenterOf(polygon.corners);
  return polygon;
}

bool IsInOneOf(const std::vector<GeoCell>& cells, const GeoPoint& point) {
  const double score = GeoScore(point);
  int found = 0;
  for (const GeoCell& cell : cells) {
    const ScoreRange range = ScoresIn(cell);
    if (score >= range.least && score < range.most) ++found;
  }
  return found == 1;
}

TEST(GeoPolygon, EachPointWithinIsInExactlyOneOfItsCells) {
  storage::Random random(1);
  for (const double size : {0.001, 0.1, 5.0, 60.0, 200.0}) {
    int within = 0;
    for (int round = 0; round < 200; ++round) {
      const GeoShape polygon = RandomPolygon(random, size);
      const std::vector<GeoCell> cells = CellsOf(polygon);
      ASSERT_LE(cells.size(), 9u);
      for (int i = 0; i < 50; ++i) {
        const GeoPoint point{Between(random, polygon.center.longitude - size, polygon.center.longitude + size),
                             Between(random, polygon.center.latitude - size, polygon.center.latitude + size)};
        if (!IsOnMap(point) || !DistanceWithin(polygon, point)) continue;
        ++within;
        ASSERT_TRUE(IsInOneOf(cells, point)) << size << ": " << point.longitude << " " << point.latitude;
      }
    }
    EXPECT_GT(within, 100) << size;
  }
}

TEST(GeoPolygon, ANotchIsNotWithin) {
  GeoShape polygon;
  polygon.corners = {{0, 0}, {10, 0}, {10, 10}, {5, 1}, {0, 10}};
  polygon.center = CenterOf(polygon.corners);
  EXPECT_TRUE(DistanceWithin(polygon, {1, 1}));
  EXPECT_TRUE(DistanceWithin(polygon, {5, 0.5}));
  EXPECT_TRUE(DistanceWithin(polygon, {9.5, 8}));
  EXPECT_FALSE(DistanceWithin(polygon, {5, 5}));
  EXPECT_FALSE(DistanceWithin(polygon, {11, 5}));
  EXPECT_FALSE(DistanceWithin(polygon, {-1, 0}));
}

}  // namespace
}  // namespace ringkv::server
