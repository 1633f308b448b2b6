// SPDX-License-Identifier: MIT
// A long job says now and then how far it is.
#include "storage/base/progress_lines.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace ringkv::storage {
namespace {

TEST(ProgressLines, TellShareCountAndTime) {
  ManualClock clock(0);
  ProgressLines lines(clock);
  clock.Advance(999);
  EXPECT_EQ(lines.Next("saving", 0.1, 100, "keys"), std::nullopt);
  clock.Advance(1);
  EXPECT_EQ(lines.Next("saving", 0.375, 1000, "keys"), "saving: 37 %, 1000 keys, 1 s");
  EXPECT_EQ(lines.Next("saving", 0.4, 1001, "keys"), std::nullopt);
  clock.Advance(1000);
  EXPECT_EQ(lines.Next("loading", std::nullopt, 2000, "groups"), "loading: 2000 groups, 2 s");
}

TEST(ProgressLines, BecomeRareWhenItTakesLong) {
  ManualClock clock(0);
  ProgressLines lines(clock);
  int minute = 0;
  int hour = 0;
  for (int second = 1; second <= 3600; ++second) {
    clock.Advance(1000);
    const bool has_line = lines.Next("saving", std::nullopt, 1, "keys").has_value();
    hour += has_line ? 1 : 0;
    minute += has_line && second <= 60 ? 1 : 0;
  }
  EXPECT_GE(minute, 20);
  EXPECT_LE(hour, 70);
}

}  // namespace
}  // namespace ringkv::storage
