// SPDX-License-Identifier: MIT
#include "server/geo/geo_search.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ringkv::server {
namespace {

constexpr double kHalfEquator = 20037726.37;  // meters, on a Mercator map

// How many halvings leave a cell that is not smaller than the radius.
unsigned StepsFor(double meters, double latitude) {
  if (meters == 0) return kMostGeoSteps;
  int steps = 1;
  for (; meters < kHalfEquator; meters *= 2) ++steps;
  steps -= 2;  // so that most circles lie within nine cells
  // Towards the poles a degree of longitude is shorter.
  if (std::fabs(latitude) > 66) --steps;
  if (std::fabs(latitude) > 80) --steps;
  return static_cast<unsigned>(std::clamp(steps, 1, static_cast<int>(kMostGeoSteps)));
}

// About what the shape covers.
GeoArea BoxAround(const GeoShape& shape) {
  const double height = shape.unit * (shape.is_circle ? shape.radius : shape.height / 2);
  const double width = shape.unit * (shape.is_circle ? shape.radius : shape.width / 2);
  const auto [longitude, latitude] = shape.center;
  const double north = height / kEarthRadius / kRadians;
  // Where the box is widest in degrees: at the side of the nearer pole.
  const double far_latitude = latitude < 0 ? latitude - north : latitude + north;
  const double east = width / kEarthRadius / std::cos(far_latitude * kRadians) / kRadians;
  return {.least = {longitude - east, latitude - north}, .most = {longitude + east, latitude + north}};
}

// A ray from the point to the east meets an odd number of sides.
bool IsInPolygon(const std::vector<GeoPoint>& corners, const GeoPoint& point) {
  bool is_in = false;
  const GeoPoint* before = &corners.back();
  for (const GeoPoint& corner : corners) {
    const GeoPoint& a = *std::exchange(before, &corner);
    if ((a.latitude > point.latitude) == (corner.latitude > point.latitude)) continue;
    const double part = (point.latitude - a.latitude) / (corner.latitude - a.latitude);
    if (point.longitude < a.longitude + part * (corner.longitude - a.longitude)) is_in = !is_in;
  }
  return is_in;
}

GeoArea BoxAround(const std::vector<GeoPoint>& points) {
  GeoArea box{points.front(), points.front()};
  for (const GeoPoint& point : points) {
    box.least = {std::min(box.least.longitude, point.longitude), std::min(box.least.latitude, point.latitude)};
    box.most = {std::max(box.most.longitude, point.longitude), std::max(box.most.latitude, point.latitude)};
  }
  return box;
}

// The cell of the middle and those around it: the smallest ones of which each is half as large as the box.
std::vector<GeoCell> CellsAround(const GeoArea& box) {
  const GeoPoint middle{(box.least.longitude + box.most.longitude) / 2, (box.least.latitude + box.most.latitude) / 2};
  const auto reaches = [&](unsigned steps) {
    const GeoArea cell = AreaOf(GeoCellOf(middle, steps));
    return cell.most.longitude - cell.least.longitude >= (box.most.longitude - box.least.longitude) / 2 &&
           cell.most.latitude - cell.least.latitude >= (box.most.latitude - box.least.latitude) / 2;
  };
  unsigned steps = 1;
  while (steps < kMostGeoSteps && reaches(steps + 1)) ++steps;
  std::vector<GeoCell> cells;
  for (const int north : {0, 1, -1}) {
    for (const int east : {0, 1, -1}) {
      const GeoCell cell = NeighborOf(GeoCellOf(middle, steps), east, north);
      // Large ones are met again on the way around the world.
      if (std::find(cells.begin(), cells.end(), cell) == cells.end()) cells.push_back(cell);
    }
  }
  return cells;
}

}  // namespace

GeoPoint CenterOf(const std::vector<GeoPoint>& points) {
  double x = 0;
  double y = 0;
  double z = 0;
  for (const GeoPoint& point : points) {
    const double longitude = point.longitude * kRadians;
    const double latitude = point.latitude * kRadians;
    x += std::cos(latitude) * std::cos(longitude);
    y += std::cos(latitude) * std::sin(longitude);
    z += std::sin(latitude);
  }
  return {std::atan2(y, x) / kRadians, std::atan2(z, std::hypot(x, y)) / kRadians};
}

std::optional<double> DistanceWithin(const GeoShape& shape, const GeoPoint& point) {
  if (shape.is_polygon()) {
    return IsInPolygon(shape.corners, point) ? std::optional(GeoDistance(shape.center, point)) : std::nullopt;
  }
  if (shape.is_circle) {
    const double distance = GeoDistance(shape.center, point);
    return distance <= shape.radius * shape.unit ? std::optional(distance) : std::nullopt;
  }
  if (LatitudeDistance(point.latitude, shape.center.latitude) > shape.height * shape.unit / 2) return std::nullopt;
  const GeoPoint beside{shape.center.longitude, point.latitude};
  if (GeoDistance(point, beside) > shape.width * shape.unit / 2) return std::nullopt;
  return GeoDistance(shape.center, point);
}

std::vector<GeoCell> CellsOf(const GeoShape& shape) {
  if (shape.is_polygon()) return CellsAround(BoxAround(shape.corners));
  const GeoArea box = BoxAround(shape);
  const double meters =
      shape.unit * (shape.is_circle
                        ? shape.radius
                        : std::sqrt(shape.width / 2 * (shape.width / 2) + shape.height / 2 * (shape.height / 2)));
  unsigned steps = StepsFor(meters, shape.center.latitude);
  GeoCell middle = GeoCellOf(shape.center, steps);
  const bool is_too_small = AreaOf(NeighborOf(middle, 0, 1)).most.latitude < box.most.latitude ||
                            AreaOf(NeighborOf(middle, 0, -1)).least.latitude > box.least.latitude ||
                            AreaOf(NeighborOf(middle, 1, 0)).most.longitude < box.most.longitude ||
                            AreaOf(NeighborOf(middle, -1, 0)).least.longitude > box.least.longitude;
  if (steps > 1 && is_too_small) middle = GeoCellOf(shape.center, --steps);
  const GeoArea area = AreaOf(middle);
  struct Direction {
    int east;
    int north;
  };
  constexpr Direction kAround[] = {{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
  std::vector<GeoCell> cells;
  for (const auto [east, north] : kAround) {
    // Where the cell in the middle reaches beyond the box, there is nothing to look for.
    const bool is_needless = steps >= 2 && ((north < 0 && area.least.latitude < box.least.latitude) ||
                                            (north > 0 && area.most.latitude > box.most.latitude) ||
                                            (east < 0 && area.least.longitude < box.least.longitude) ||
                                            (east > 0 && area.most.longitude > box.most.longitude));
    const GeoCell cell = NeighborOf(middle, east, north);
    // A circle around half the world would meet the same cell again.
    if (is_needless || (cells.size() > 1 && cells.back() == cell)) continue;
    cells.push_back(cell);
  }
  return cells;
}

ScoreRange ScoresIn(const GeoCell& cell) {
  const unsigned unused = 2 * (kMostGeoSteps - cell.steps);
  return {static_cast<double>(cell.bits << unused), static_cast<double>((cell.bits + 1) << unused)};
}

}  // namespace ringkv::server
