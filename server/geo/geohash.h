// SPDX-License-Identifier: MIT
// Geohashes: longitude and latitude, each bisected repeatedly, with interleaved bits. Points with a common prefix are
// in the same cell, so a sorted set ordered by geohash finds points nearby. The numbers are those of Redis: 52 bits,
// and latitudes within a Mercator map.
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
// Meters between two latitudes, along a meridian.
double LatitudeDistance(double from, double to);

// A rectangle of the map: `steps` halvings in each direction.
struct GeoCell {
  uint64_t bits = 0;  // latitude in the even ones, longitude in the odd ones
  unsigned steps = 0;

  bool operator==(const GeoCell&) const = default;
};

constexpr unsigned kMostGeoSteps = 26;

GeoCell GeoCellOf(const GeoPoint& point, unsigned steps);
// The cell at this distance to the east and to the north, wrapping around.
GeoCell NeighborOf(const GeoCell& cell, int east, int north);

struct GeoArea {
  GeoPoint least;
  GeoPoint most;
};
GeoArea AreaOf(const GeoCell& cell);

// Conversion between a point and the score of a member. Scores outside of the range are clamped to the edge.
double GeoScore(const GeoPoint& point);
GeoPoint GeoPointOf(double score);

// The standard geohash string of eleven characters.
std::string GeohashText(const GeoPoint& point);

}  // namespace ringkv::server
