// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstdio>
#include <iostream>
#include <numbers>

#include "cluster_admin/jobs.h"

namespace ringkv::cluster_admin {
namespace {

using cluster::SlotMap;
using cluster::Topology;
using storage::Result;
using storage::Status;

constexpr double kCentre = 300;
constexpr double kOuter = 260;
constexpr double kInner = 190;

// Colours that neighbours in the list don't share: steps of the golden angle.
std::string ColourOf(size_t shard) {
  constexpr double kGoldenAngle = 137.508;
  char text[32];
  std::snprintf(text, sizeof text, "hsl(%.0f,65%%,55%%)", std::fmod(static_cast<double>(shard) * kGoldenAngle, 360.0));
  return text;
}

std::string Point(double slot, double radius) {
  // Slot 0 stands at the top, and they go round as a clock does.
  const double angle = slot / static_cast<double>(storage::kSlots) * 2 * std::numbers::pi - std::numbers::pi / 2;
  char text[64];
  std::snprintf(text, sizeof text, "%.2f,%.2f", kCentre + radius * std::cos(angle), kCentre + radius * std::sin(angle));
  return text;
}

std::string Arc(const SlotMap::Run& run, const std::string& name) {
  const double first = run.range.first;
  // A whole circle would begin where it ends, and be nothing.
  const double end = std::min(run.range.last + 1.0, first + storage::kSlots - 0.5);
  const char* large = run.range.size() * 2 > storage::kSlots ? "1" : "0";
  const auto radius = [](double r) { return std::to_string(static_cast<int>(r)); };
  return "<path fill=\"" + ColourOf(run.owner) + "\" stroke=\"white\" stroke-width=\"0.6\" d=\"M" +
         Point(first, kOuter) + " A" + radius(kOuter) + "," + radius(kOuter) + " 0 " + large + " 1 " +
         Point(end, kOuter) + " L" + Point(end, kInner) + " A" + radius(kInner) + "," + radius(kInner) + " 0 " + large +
         " 0 " + Point(first, kInner) + " Z\"><title>" + name + ": " + cluster::PrintRanges({run.range}) +
         "</title></path>\n";
}

}  // namespace

Status DrawRing(const std::string& path) {
  const Result<Topology> topology = ReadTopology(path);
  if (!topology) return tl::unexpected(topology.error());
  const size_t shards = topology->shards().size();
  const size_t height = std::max<size_t>(600, 40 + 24 * shards);
  std::cout
      << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 " << height
      << "\" font-family=\"sans-serif\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  for (const SlotMap::Run& run : topology->slots().Runs()) {
    std::cout << Arc(run, topology->shards()[run.owner].name);
  }
  std::cout << "<text x=\"300\" y=\"296\" text-anchor=\"middle\" font-size=\"18\">" << storage::kSlots
            << " slots</text>\n<text x=\"300\" y=\"318\" text-anchor=\"middle\">epoch " << topology->epoch()
            << "</text>\n";
  for (size_t i = 0; i < shards; ++i) {
    const auto index = static_cast<cluster::ShardIndex>(i);
    const size_t y = 40 + 24 * i;
    std::cout << "<rect x=\"600\" y=\"" << y - 12 << "\" width=\"16\" height=\"16\" fill=\"" << ColourOf(i)
              << "\"/><text x=\"624\" y=\"" << y + 1 << "\">" << topology->shards()[i].name << ": "
              << topology->slots().CountOf(index) << " slots, " << topology->slots().RangesOf(index).size()
              << " arcs</text>\n";
  }
  std::cout << "</svg>\n";
  return {};
}

Status ShowRing(const std::string& path) {
  const Result<Topology> topology = ReadTopology(path);
  if (!topology) return tl::unexpected(topology.error());
  std::printf("%-16s %7s %8s %7s %7s  %s\n", "shard", "weight", "slots", "share", "ranges", "slots");
  for (size_t i = 0; i < topology->shards().size(); ++i) {
    const auto index = static_cast<cluster::ShardIndex>(i);
    const std::vector<cluster::SlotRange> ranges = topology->slots().RangesOf(index);
    const size_t slots = topology->slots().CountOf(index);
    std::printf("%-16s %7g %8zu %6.2f%% %7zu  %s\n", topology->shards()[i].name.c_str(), topology->shards()[i].weight,
                slots, 100.0 * static_cast<double>(slots) / storage::kSlots, ranges.size(),
                cluster::PrintRanges(ranges).c_str());
  }
  return {};
}

}  // namespace ringkv::cluster_admin
