// SPDX-License-Identifier: MIT
#include "server/loading/load_file.h"

#include "tests/support/store_fixture.h"
#include "tests/support/temp_dir.h"

namespace ringkv::server {
namespace {

class LoadFileTest : public storage::StoreFixture {
 protected:
  storage::Result<LoadSummary> Load(const std::string& text, bool strict = true) {
    storage::Txn txn(store_, clock_.Now(), random_);
    LoadFileOptions options;
    options.strict = strict;
    return LoadFile(dir_.Write("data", text), options, txn);
  }
  test::TempDir dir_;
};

TEST_F(LoadFileTest, TakesTheValueUpToTheEndOfTheLine) {
  ASSERT_TRUE(Load("a 1\nb two words \nc\ttab\n\nd \na last wins"));
  EXPECT_EQ(Get("a"), "last wins");
  EXPECT_EQ(Get("b"), "two words ");
  EXPECT_EQ(Get("c"), "tab");
  EXPECT_EQ(Get("d"), "");
}

TEST_F(LoadFileTest, ABadLineIsAnErrorWithItsNumber) {
  const auto result = Load("a 1\nnovalue\n");
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().text.find("line 2: there is no value"), std::string::npos) << result.error().text;
}

TEST_F(LoadFileTest, ABadLineCanBeSkippedAndCounted) {
  const auto result = Load("a 1\nnovalue\n leading\nb 2\n", false);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->lines, 2u);
  EXPECT_EQ(result->skipped, 2u);
}

TEST_F(LoadFileTest, AMissingFileOrADirectoryIsAnError) {
  storage::Txn txn(store_, clock_.Now(), random_);
  EXPECT_NE(LoadFile(dir_.Path("missing"), {}, txn).error().text.find("No such file"), std::string::npos);
  EXPECT_NE(LoadFile(dir_.Path(""), {}, txn).error().text.find("not a regular file"), std::string::npos);
}

TEST_F(LoadFileTest, AnEmptyFileIsFine) { EXPECT_EQ(Load("")->lines, 0u); }

}  // namespace
}  // namespace ringkv::server
