// SPDX-License-Identifier: MIT
// ringkv-check: what it says of good and damaged files, and what it makes of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "check/jobs.h"
#include "check/moment.h"
#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {
namespace {

using check::DumpFormat;
using check::ExitStatus;

const std::string kFirstLog = "log/" + storage::NameOfLogFile(1);

struct Bench {
  explicit Bench(FaultyFileSystem& disk)
      : context{.files = disk, .out = out, .err = err, .databases = 4, .ask = [this](const std::string&) {
                  return answer;
                }} {}

  std::ostringstream out;
  std::ostringstream err;
  bool answer = true;
  check::Context context;
};

// A log of everything with a snapshot in the middle of it, and the contents after each group.
std::vector<Model> Fill(FaultyFileSystem& disk) {
  DurableStore store(disk);
  EXPECT_TRUE(store.log().Open());
  std::vector<Model> after = RunSomeOfEverything(store);
  EXPECT_TRUE(store.Snapshot());
  for (const std::string value : {"1", "2", "3"}) {
    store.clock().Advance(1000);
    store.Put("behind", value);
    EXPECT_TRUE(store.log().Flush());
    after.push_back(store.Contents());
  }
  EXPECT_TRUE(store.log().Close());
  return after;
}

Model ContentsOf(storage::FileSystem& disk, const storage::DataFiles& files) {
  DurableStore store(disk);
  const auto recovered = storage::Recover(store.store(), disk, files, {});
  EXPECT_TRUE(recovered) << recovered.error().text;
  return store.Contents();
}

TEST(Check, FindsNothingWrongWithGoodFiles) {
  FaultyFileSystem disk;
  const Model contents = Fill(disk).back();
  const auto is_key = [](const auto& each) { return each.first.first != kLibraries; };
  const auto keys = std::count_if(contents.begin(), contents.end(), is_key);
  Bench bench(disk);
  EXPECT_EQ(check::CheckDirectory(bench.context, kTestFiles, {}), ExitStatus::kGood) << bench.err.str();
  EXPECT_NE(bench.out.str().find("A server starts with " + std::to_string(keys) +
                                 " keys and 1 library of functions, the state after LSN 20"),
            std::string::npos)
      << bench.out.str();
}

TEST(Check, FindsEveryFlippedBit) {
  FaultyFileSystem disk;
  const Model contents = Fill(disk).back();
  for (const std::string& path : {std::string("snapshot"), kFirstLog}) {
    for (size_t at = 0; at < disk.Bytes(path).size(); ++at) {
      disk.Bytes(path)[at] ^= 4;
      Bench bench(disk);
      EXPECT_NE(check::CheckDirectory(bench.context, kTestFiles, {}), ExitStatus::kGood) << path << " byte " << at;
      disk.Bytes(path)[at] ^= 4;
    }
  }
}

TEST(Check, DistinguishesATornTailFromDamage) {
  FaultyFileSystem disk;
  Fill(disk);
  disk.Bytes(kFirstLog).resize(disk.Bytes(kFirstLog).size() - 3);
  Bench bench(disk);
  EXPECT_EQ(check::CheckFile(bench.context, kFirstLog, {}), ExitStatus::kFoundDamage);
  EXPECT_NE(bench.out.str().find("torn tail"), std::string::npos) << bench.out.str();
  EXPECT_EQ(bench.out.str().find("DAMAGED"), std::string::npos);
}

TEST(RecoverTo, GivesTheStateAfterEveryLsn) {
  FaultyFileSystem disk;
  const std::vector<Model> after = Fill(disk);
  for (size_t lsn = 0; lsn < after.size(); ++lsn) {
    const std::string directory = "at" + std::to_string(lsn);
    Bench bench(disk);
    ASSERT_EQ(check::RecoverTo(bench.context, kTestFiles, std::to_string(lsn), directory), ExitStatus::kGood)
        << bench.err.str();
    EXPECT_EQ(ContentsOf(disk, {directory, kTestFiles.snapshot_name, directory + "/log"}), after[lsn]) << lsn;
  }
  Bench beyond(disk);
  EXPECT_EQ(check::RecoverTo(beyond.context, kTestFiles, "21", "beyond"), ExitStatus::kFailed);
  EXPECT_NE(beyond.err.str().find("end at LSN 20"), std::string::npos) << beyond.err.str();
}

TEST(RecoverTo, GivesTheStateAtATime) {
  FaultyFileSystem disk;
  const std::vector<Model> after = Fill(disk);
  for (int seconds = 0; seconds <= 3; ++seconds) {
    const std::string directory = "after" + std::to_string(seconds);
    Bench bench(disk);
    const std::string moment = check::FormatMoment(1'700'000'000'000 + seconds * 1000 + 500);
    ASSERT_EQ(check::RecoverTo(bench.context, kTestFiles, moment, directory), ExitStatus::kGood) << bench.err.str();
    EXPECT_EQ(ContentsOf(disk, {directory, kTestFiles.snapshot_name, directory + "/log"}),
              after[17 + static_cast<size_t>(seconds)]);
  }
  Bench before(disk);
  EXPECT_EQ(check::RecoverTo(before.context, kTestFiles, "2001-01-01T00:00:00Z", "before"), ExitStatus::kFailed);
  EXPECT_NE(before.err.str().find("nothing from before"), std::string::npos) << before.err.str();
}

TEST(RecoverTo, RefusesADirectoryThatIsNotEmpty) {
  FaultyFileSystem disk;
  Fill(disk);
  Bench bench(disk);
  EXPECT_EQ(check::RecoverTo(bench.context, kTestFiles, "5", "log"), ExitStatus::kFailed);
  EXPECT_NE(bench.err.str().find("not empty"), std::string::npos) << bench.err.str();
}

TEST(Fix, ChangesNothingWithoutAYes) {
  FaultyFileSystem disk;
  Fill(disk);
  disk.Bytes(kFirstLog)[storage::kFileHeaderBytes + 10] ^= 1;
  const std::string before = disk.Bytes(kFirstLog);
  for (const bool directory : {true, false}) {
    Bench bench(disk);
    bench.answer = false;
    EXPECT_EQ(directory ? check::FixDirectory(bench.context, kTestFiles) : check::FixFile(bench.context, kFirstLog),
              ExitStatus::kFoundDamage);
    EXPECT_EQ(disk.Bytes(kFirstLog), before);
  }
}

TEST(Fix, ReturnsToTheLastGoodStateBeforeTheDamage) {
  FaultyFileSystem disk;
  const std::vector<Model> after = Fill(disk);
  // The last but one frame: two groups are lost, what the snapshot holds is not.
  std::string& log = disk.Bytes(kFirstLog);
  log[log.rfind("RKVF", log.rfind("RKVF") - 1) + 50] ^= 1;
  Bench bench(disk);
  EXPECT_EQ(check::FixDirectory(bench.context, kTestFiles), ExitStatus::kGood) << bench.err.str();
  EXPECT_TRUE(disk.Exists(kFirstLog + ".damaged"));
  EXPECT_EQ(ContentsOf(disk, kTestFiles), after[after.size() - 3]);
  Bench again(disk);
  EXPECT_EQ(check::CheckDirectory(again.context, kTestFiles, {}), ExitStatus::kGood) << again.out.str();
}

// Two log files are damaged, and a start reads the first, which the snapshot covers, only when the second is gone.
TEST(Fix, LeavesNothingThatAStartWouldRefuse) {
  FaultyFileSystem disk;
  const Model contents = [&] {
    DurableStore store(disk);
    EXPECT_TRUE(store.log().Open());
    store.Put("a", "1");
    EXPECT_TRUE(store.log().Close());
    EXPECT_TRUE(store.Snapshot());
    EXPECT_TRUE(store.log().Open());
    return store.Contents();
  }();
  disk.Bytes(kFirstLog)[10] ^= 1;
  disk.Bytes("log/" + storage::NameOfLogFile(2)).resize(8);
  Bench bench(disk);
  EXPECT_EQ(check::FixDirectory(bench.context, kTestFiles), ExitStatus::kGood) << bench.err.str();
  EXPECT_TRUE(disk.Exists(kFirstLog + ".damaged"));
  EXPECT_EQ(ContentsOf(disk, kTestFiles), contents);
}

TEST(Fix, TruncatesALogFileAtTheDamage) {
  FaultyFileSystem disk;
  Fill(disk);
  std::string& log = disk.Bytes(kFirstLog);
  const size_t last_frame = log.rfind("RKVF");
  log[last_frame + 20] ^= 1;
  Bench bench(disk);
  EXPECT_EQ(check::FixFile(bench.context, kFirstLog), ExitStatus::kGood) << bench.err.str();
  EXPECT_EQ(disk.Bytes(kFirstLog).size(), last_frame);
  Bench again(disk);
  EXPECT_EQ(check::CheckFile(again.context, kFirstLog, {}), ExitStatus::kGood) << again.out.str();
}

TEST(Fix, AServerAtWorkIsLeftAlone) {
  FaultyFileSystem disk;
  Fill(disk);
  const auto lock = disk.Lock("ringkv.lock");
  Bench bench(disk);
  EXPECT_EQ(check::FixDirectory(bench.context, kTestFiles), ExitStatus::kFailed);
  EXPECT_NE(bench.err.str().find("a server uses this directory"), std::string::npos) << bench.err.str();
}

TEST(Dump, WritesEffectsAndStateInBothFormats) {
  FaultyFileSystem disk;
  {
    DurableStore store(disk);
    ASSERT_TRUE(store.log().Open());
    store.PutBoth("a", "b", "x");
    ASSERT_TRUE(store.log().Flush());
    store.Put("\xff", "\n\"", 3, 1'900'000'000'000);
    store.Delete("b");
    ASSERT_TRUE(store.log().Flush());
  }
  const auto dump = [&](const auto& job, const auto& what, DumpFormat format) {
    Bench bench(disk);
    EXPECT_EQ(job(bench.context, what, format), ExitStatus::kGood) << bench.err.str();
    return bench.out.str();
  };
  const std::string time = R"("time":"2023-11-14T22:13:20.000Z",)";
  EXPECT_EQ(dump(check::DumpFile, kFirstLog, DumpFormat::kJson),
            R"({"lsn":1,)" + time + R"("db":0,"key":"a","effect":"put","value":"x"})" + "\n" +  //
                R"({"lsn":1,)" + time + R"("db":0,"key":"b","effect":"put","value":"x"})" + "\n" + R"({"lsn":2,)" +
                time + R"("db":3,"key_hex":"ff","effect":"put","value":"\n\"","expires_at_ms":1900000000000})" + "\n" +
                R"({"lsn":3,)" + time + R"("db":0,"key":"b","effect":"delete"})" + "\n");
  EXPECT_EQ(dump(check::DumpFile, kFirstLog, DumpFormat::kResp),
            "*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nx\r\n"
            "*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\nx\r\n*1\r\n$4\r\nEXEC\r\n"
            "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
            "*5\r\n$3\r\nSET\r\n$1\r\n\xff\r\n$2\r\n\n\"\r\n$4\r\nPXAT\r\n$13\r\n1900000000000\r\n"
            "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*2\r\n$3\r\nDEL\r\n$1\r\nb\r\n");
  EXPECT_EQ(dump(check::DumpDirectory, kTestFiles, DumpFormat::kJson),
            R"({"db":0,"key":"a","value":"x"})"
            "\n"
            R"({"db":3,"key_hex":"ff","value":"\n\"","expires_at_ms":1900000000000})"
            "\n");
}

TEST(Prefixes, AreCountedAndSortedBySize) {
  FaultyFileSystem disk;
  {
    DurableStore store(disk);
    ASSERT_TRUE(store.log().Open());
    for (const std::string key : {"user:1", "user:2", "user:3:name", "cart:1", "plain"}) store.Put(key, "1234567890");
    ASSERT_TRUE(store.log().Flush());
  }
  Bench bench(disk);
  check::PrefixOptions prefixes;
  prefixes.wanted = true;
  prefixes.most = 2;
  EXPECT_EQ(check::CheckDirectory(bench.context, kTestFiles, prefixes), ExitStatus::kGood);
  const std::string text = bench.out.str();
  EXPECT_NE(text.find("\n           3             23             30  user:\n"
                      "           1              6             10  cart:\n"
                      "           1              5             10  (others)\n"),
            std::string::npos)
      << text;
}

TEST(Moment, IsReadAsItIsWritten) {
  EXPECT_EQ(check::FormatMoment(1'700'000'000'250), "2023-11-14T22:13:20.250Z");
  for (const std::string text : {"2023-11-14T22:13:20.250Z", "2023-11-14 22:13:20.25", "@1700000000.25"}) {
    EXPECT_EQ(check::ParseMoment(text), 1'700'000'000'250) << text;
  }
  EXPECT_EQ(check::ParseMoment(check::FormatMoment(-1)), -1);
  for (const std::string text : {"", "yesterday", "2023-11-14", "2023-11-14T22:13:20+02:00", "@", "@x", "@1e99"}) {
    EXPECT_FALSE(check::ParseMoment(text)) << text;
  }
}

}  // namespace
}  // namespace ringkv::test
