// SPDX-License-Identifier: MIT
// INFO keysizes: how many values of each type have which size. Of databases with many keys some are looked at, and
// their numbers are scaled up: an exact count would cost each write something.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <iterator>
#include <string>
#include <utility>

#include "server/report/metric_table.h"
#include "storage/transaction/totals.h"
#include "storage/transaction/walk.h"
#include "storage/types/collection.h"

namespace ringkv::server {
namespace {

constexpr size_t kMostLookedAt = 8192;

// Bucket 0: nothing; i: sizes from 2^(i-1) on.
using Histogram = std::array<uint64_t, 65>;

constexpr std::pair<storage::ValueType, std::string_view> kShownTypes[] = {
    {storage::ValueType::kString, "strings_sizes"}, {storage::ValueType::kList, "lists_items"},
    {storage::ValueType::kSet, "sets_items"},       {storage::ValueType::kSortedSet, "zsets_items"},
    {storage::ValueType::kHash, "hashes_items"},
};

struct KeySizes {
  std::array<Histogram, std::size(kShownTypes)> histograms = {};
  uint64_t looked_at = 0;

  void Add(const storage::Entry& entry) {
    ++looked_at;
    for (size_t i = 0; i < std::size(kShownTypes); ++i) {
      if (entry.type() != kShownTypes[i].first) continue;
      const bool is_string = entry.type() == storage::ValueType::kString;
      const uint64_t size = is_string ? entry.value().size() : storage::ElementCount(entry);
      ++histograms[i][static_cast<size_t>(std::bit_width(size))];
    }
  }
};

KeySizes Look(storage::Txn& txn, storage::DbIndex db, uint64_t keys) {
  KeySizes sizes;
  if (keys <= kMostLookedAt) {
    uint64_t cursor = 0;
    do {
      cursor = storage::Walk(txn, db, cursor, kMostLookedAt, [&](const storage::Entry& entry) { sizes.Add(entry); });
    } while (cursor != 0);
    return sizes;
  }
  constexpr size_t kAtOnce = 16;
  for (size_t i = 0; i < kMostLookedAt / kAtOnce; ++i) {
    storage::Sample(txn, db, kAtOnce, false, [&](storage::Position, const storage::Entry& entry) { sizes.Add(entry); });
  }
  return sizes;
}

// The least size of a bucket, in binary units.
std::string BucketName(size_t bucket) {
  if (bucket == 0) return "0";
  constexpr std::string_view kUnits = "KMGTPE";
  const size_t exponent = bucket - 1;
  std::string name = std::to_string(uint64_t{1} << exponent % 10);
  if (exponent >= 10) name += kUnits[exponent / 10 - 1];
  return name;
}

void AddHistogramLine(const Histogram& histogram, std::string_view name, double scale, std::string* page) {
  char separator = ':';
  for (size_t bucket = 0; bucket < histogram.size(); ++bucket) {
    if (histogram[bucket] == 0) continue;
    if (separator == ':') page->append(name);
    const auto values = static_cast<uint64_t>(std::llround(static_cast<double>(histogram[bucket]) * scale));
    *page += separator + BucketName(bucket) + "=" + std::to_string(values);
    separator = ',';
  }
  if (separator == ',') *page += "\r\n";
}

void AddKeySizes(const Observation& o, std::string* page) {
  for (const auto& [db, size] : o.memory.databases) {
    const KeySizes sizes = Look(o.txn, db, size.keys);
    if (sizes.looked_at == 0) continue;
    const bool is_sampled = size.keys > kMostLookedAt;
    const double scale = is_sampled ? static_cast<double>(size.keys) / static_cast<double>(sizes.looked_at) : 1;
    const std::string prefix = "db" + std::to_string(db) + "_distrib_";
    if (is_sampled) *page += prefix + "sampled_keys:" + std::to_string(sizes.looked_at) + "\r\n";
    for (size_t i = 0; i < std::size(kShownTypes); ++i) {
      AddHistogramLine(sizes.histograms[i], prefix + std::string(kShownTypes[i].second), scale, page);
    }
  }
}

constexpr Metric kKeySizeMetrics[] = {{.section = "keysizes", .add_lines = AddKeySizes}};

}  // namespace

std::span<const Metric> KeySizeMetrics() { return kKeySizeMetrics; }

}  // namespace ringkv::server
