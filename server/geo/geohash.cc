// SPDX-License-Identifier: MIT
#include "server/geo/geohash.h"

#include <algorithm>
#include <cmath>

namespace ringkv::server {
namespace {

// Bits of a number, each with a place left free for one of the other.
uint64_t Spread(uint32_t number) {
  uint64_t bits = number;
  bits = (bits | bits << 16) & 0x0000ffff0000ffff;
  bits = (bits | bits << 8) & 0x00ff00ff00ff00ff;
  bits = (bits | bits << 4) & 0x0f0f0f0f0f0f0f0f;
  bits = (bits | bits << 2) & 0x3333333333333333;
  return (bits | bits << 1) & 0x5555555555555555;
}

uint32_t Gather(uint64_t bits) {
  bits &= 0x5555555555555555;
  bits = (bits | bits >> 1) & 0x3333333333333333;
  bits = (bits | bits >> 2) & 0x0f0f0f0f0f0f0f0f;
  bits = (bits | bits >> 4) & 0x00ff00ff00ff00ff;
  bits = (bits | bits >> 8) & 0x0000ffff0000ffff;
  return static_cast<uint32_t>(bits | bits >> 16);
}

uint64_t Interleave(uint32_t latitude, uint32_t longitude) { return Spread(latitude) | Spread(longitude) << 1; }

// Which part of so many halvings a value lies in, between -most and most.
uint32_t PartOf(double value, double most, unsigned steps) {
  const double share = (value + most) / (2 * most);
  return static_cast<uint32_t>(share * static_cast<double>(uint64_t{1} << steps));
}

uint64_t BitsOf(const GeoPoint& point, double most_latitude, unsigned steps) {
  return Interleave(PartOf(point.latitude, most_latitude, steps), PartOf(point.longitude, kMostLongitude, steps));
}

// The conversion that x86-64 processors make, also of scores out of range, where C++ leaves it undefined.
uint64_t BitsOfScore(double score) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (score >= 0 && score < kTwoTo63) return static_cast<uint64_t>(score);
  if (score < 0 && score >= -kTwoTo63) return static_cast<uint64_t>(static_cast<int64_t>(score));
  if (score >= kTwoTo63 && score < 2 * kTwoTo63) return static_cast<uint64_t>(score - kTwoTo63) | uint64_t{1} << 63;
  return score > 0 ? 0 : uint64_t{1} << 63;
}

}  // namespace

bool IsOnMap(const GeoPoint& point) {
  return point.longitude >= -kMostLongitude && point.longitude <= kMostLongitude && point.latitude >= -kMostLatitude &&
         point.latitude <= kMostLatitude;
}

double LatitudeDistance(double from, double to) { return kEarthRadius * std::fabs(to * kRadians - from * kRadians); }

double GeoDistance(const GeoPoint& from, const GeoPoint& to) {
  const double v = std::sin((to.longitude * kRadians - from.longitude * kRadians) / 2);
  if (v == 0) return LatitudeDistance(from.latitude, to.latitude);
  const double from_latitude = from.latitude * kRadians;
  const double to_latitude = to.latitude * kRadians;
  const double u = std::sin((to_latitude - from_latitude) / 2);
  const double a = u * u + std::cos(from_latitude) * std::cos(to_latitude) * v * v;
  return 2 * kEarthRadius * std::asin(std::sqrt(a));
}

GeoCell GeoCellOf(const GeoPoint& point, unsigned steps) { return {BitsOf(point, kMostLatitude, steps), steps}; }

GeoCell NeighborOf(const GeoCell& cell, int east, int north) {
  // At the very edge of the map a cell's number is one too many, which only a step takes away.
  const auto step = [&](uint32_t part, int by) {
    const auto mask = static_cast<uint32_t>((uint64_t{1} << cell.steps) - 1);
    return by == 0 ? part : (part + static_cast<uint32_t>(by)) & mask;
  };
  return {Interleave(step(Gather(cell.bits), north), step(Gather(cell.bits >> 1), east)), cell.steps};
}

GeoArea AreaOf(const GeoCell& cell) {
  const double latitude = Gather(cell.bits);
  const double longitude = Gather(cell.bits >> 1);
  const auto parts = static_cast<double>(uint64_t{1} << cell.steps);
  const auto at = [&](double part, double most) { return -most + part / parts * (2 * most); };
  return {.least = {at(longitude, kMostLongitude), at(latitude, kMostLatitude)},
          .most = {at(longitude + 1, kMostLongitude), at(latitude + 1, kMostLatitude)}};
}

double GeoScore(const GeoPoint& point) { return static_cast<double>(GeoCellOf(point, kMostGeoSteps).bits); }

GeoPoint GeoPointOf(double score) {
  const GeoArea area = AreaOf({BitsOfScore(score), kMostGeoSteps});
  const auto middle = [](double least, double most, double edge) {
    return std::clamp((least + most) / 2, -edge, edge);
  };
  return {middle(area.least.longitude, area.most.longitude, kMostLongitude),
          middle(area.least.latitude, area.most.latitude, kMostLatitude)};
}

std::string GeohashText(const GeoPoint& point) {
  constexpr char kLetters[] = "0123456789bcdefghjkmnpqrstuvwxyz";
  constexpr unsigned kBits = 2 * kMostGeoSteps;
  constexpr unsigned kWhole = kBits / 5;  // letters with five bits; what is left over counts as zeros
  const uint64_t bits = BitsOf(point, 90, kMostGeoSteps);
  std::string text;
  for (unsigned i = 1; i <= kWhole; ++i) text.push_back(kLetters[bits >> (kBits - 5 * i) & 0x1f]);
  text.push_back(kLetters[0]);
  return text;
}

}  // namespace ringkv::server
