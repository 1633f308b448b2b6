// SPDX-License-Identifier: MIT
// Places on earth as numbers: longitude and latitude, each cut in halves again and again, with their bits in turn. Two
// places with the same first bits lie in the same cell, so a sorted set in the order of these numbers finds what is
// near. The numbers are those that Redis keeps: 52 bits, latitudes as far as a Mercator map goes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ringkv::server {

struct GeoPoint {
  double longitude = 0;  // degrees
  double latitude = 0;
};

constexpr double kEarthRadius = 6372797.560856;            // meters
constexpr double kRadians = 3.14159265358979323846 / 180;  // of a degree

constexpr double kMostLongitude = 180;
constexpr double kMostLatitude = 85.05112878;

bool IsOnMap(const GeoPoint& point);

// Meters between two points, on a sphere.
double GeoDistance(const GeoPoint& from, const GeoPoint& to);
// Likewise, along a meridian.
double LatitudeDistance(double from, double to);

// A rectangle of the map: `steps` halvings in each direction.
struct GeoCell {
  uint64_t bits = 0;  // latitude in the even ones, longitude in the odd ones
  unsigned steps = 0;

  bool operator==(const GeoCell&) const = default;
};

constexpr unsigned kMostGeoSteps = 26;

GeoCell GeoCellOf(const GeoPoint& point, unsigned steps);
// The cell so many to the east and to the north, around the world.
GeoCell NeighborOf(const GeoCell& cell, int east, int north);

struct GeoArea {
  GeoPoint least;
  GeoPoint most;
};
GeoArea AreaOf(const GeoCell& cell);

// A point as the score of a member, and what score says which point. Scores that no point has mean one at the edge.
double GeoScore(const GeoPoint& point);
GeoPoint GeoPointOf(double score);

// Eleven letters and digits, as other services write such numbers.
std::string GeohashText(const GeoPoint& point);

}  // namespace ringkv::server
