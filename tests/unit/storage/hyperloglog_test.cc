// SPDX-License-Identifier: MIT
// HyperLogLog: how near the estimate is, that sparse and dense registers say the same, and bytes that make no sense.
#include "storage/types/hyperloglog.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "storage/base/random.h"

namespace ringkv::test {
namespace {

using storage::HyperLogLog;

uint64_t CountIn(std::string_view bytes) {
  HyperLogLog::Registers registers = {};
  EXPECT_TRUE(storage::MergeRegisters(bytes, &registers));
  return storage::EstimateCount(registers);
}

TEST(HyperLogLogTest, EstimatesAreCloseSparseAndDense) {
  std::string sparse = HyperLogLog::Empty();
  std::string dense = HyperLogLog::Empty();
  HyperLogLog as_runs(&sparse, SIZE_MAX);
  HyperLogLog as_bits(&dense, 0);
  ASSERT_TRUE(as_bits.BecomeDense());
  for (uint64_t count = 1; count <= 3000; ++count) {
    const HyperLogLog::Mark mark = HyperLogLog::MarkOf(std::to_string(count));
    ASSERT_EQ(as_runs.Raise(mark), as_bits.Raise(mark));
    ASSERT_EQ(as_runs.Raise(mark), HyperLogLog::RaiseResult::kUnchanged);
    if (count % 100 != 0) continue;
    ASSERT_EQ(CountIn(sparse), CountIn(dense));
    ASSERT_LT(std::fabs(static_cast<double>(CountIn(dense)) - static_cast<double>(count)) / static_cast<double>(count),
              0.04);
  }
  ASSERT_TRUE(as_runs.BecomeDense());
  as_bits.Outdate();
  EXPECT_EQ(sparse, dense);
  for (uint64_t count = 3001; count <= 1'000'000; ++count) as_bits.Raise(HyperLogLog::MarkOf(std::to_string(count)));
  EXPECT_NEAR(static_cast<double>(CountIn(dense)), 1'000'000, 30'000);
}

TEST(HyperLogLogTest, CorruptRunsAreDetectedAndHarmless) {
  std::string whole = HyperLogLog::Empty();
  HyperLogLog log(&whole, SIZE_MAX);
  for (int i = 0; i < 300; ++i) log.Raise(HyperLogLog::MarkOf(std::to_string(i)));
  storage::Random random(1);
  size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string changed = whole.substr(0, 16 + random.Below(whole.size() - 15));
    for (uint64_t left = random.Below(3); left > 0; --left) {
      changed[random.Below(changed.size())] = static_cast<char>(random.Below(256));
    }
    if (!HyperLogLog::IsOne(changed)) continue;
    HyperLogLog::Registers registers = {};
    if (!storage::MergeRegisters(changed, &registers)) ++refused;
    HyperLogLog other(&changed, 4000);
    for (int i = 0; i < 5; ++i) other.Raise(HyperLogLog::MarkOf(std::to_string(random.Next())));
  }
  EXPECT_GT(refused, 10'000u);
}

}  // namespace
}  // namespace ringkv::test
