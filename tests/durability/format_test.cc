// SPDX-License-Identifier: MIT
// The documents on the formats say what the program does, and files of earlier versions are read.
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <fstream>
#include <functional>
#include <sstream>

#include "storage/disk/posix_file_system.h"
#include "storage/effects/effect_codec.h"
#include "storage/log/log_reader.h"
#include "storage/snapshot/snapshot_reader.h"
#include "storage/transaction/totals.h"
#include "tests/support/document.h"
#include "tests/support/durable_store.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {
namespace {

constexpr storage::UnixMs kTime = 1'700'000'000'000;
constexpr size_t kShownOfSnapshot = 64 + 56 + 160;

std::string EncodedLog() {
  std::string effects;
  storage::EncodeEffect(&effects, 0, "a", storage::StringPut{"1"});
  std::string body;
  storage::PutText(&body, effects);
  std::string bytes = storage::EncodeFileHeader(storage::kLogMagic, {.hash_seed = 42, .lsn = 1, .created = kTime});
  storage::EncodeFrame(&bytes, {.first = 1, .groups = 1, .durable = 0, .time = kTime, .body = body});
  return bytes;
}

TEST(LogFormat, TheDocumentedExampleIsWrittenAndRead) {
  const std::string expected = EncodedLog();
  const std::string example = ExampleIn("log.md", expected);
  EXPECT_EQ(example, expected);
  const auto header = storage::DecodeFileHeader(storage::kLogMagic, example);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->hash_seed, 42u);
  EXPECT_EQ(header->lsn, 1u);
  storage::LogFrame frame;
  ASSERT_TRUE(storage::DecodeFrame(std::string_view(example).substr(storage::kFileHeaderBytes), &frame));
  EXPECT_EQ(frame.time, kTime);
  int groups = 0;
  EXPECT_TRUE(storage::ForEachGroup(frame, [&](storage::Lsn lsn, std::string_view effects) {
    storage::ByteReader reader(effects);
    const storage::EffectRecord record = storage::DecodeEffect(&reader);
    ++groups;
    EXPECT_EQ(lsn, 1u);
    EXPECT_EQ(record.key, "a");
    EXPECT_EQ(std::get<storage::StringPut>(record.effect).value, "1");
    return reader.ok() && reader.AtEnd();
  }));
  EXPECT_EQ(groups, 1);
}

TEST(SnapshotFormat, TheDocumentedExampleIsWritten) {
  FaultyFileSystem disk;
  DurableStore store(disk);
  store.Put("a", "1");
  ASSERT_TRUE(store.Snapshot([] {}, 0));
  const std::string expected = disk.Bytes("snapshot").substr(0, kShownOfSnapshot);
  EXPECT_EQ(ExampleIn("snapshot.md", expected), expected);
  const auto reader = storage::SnapshotReader::Open(disk, "snapshot");
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->end().keys, 1u);
}

std::string PackedOf(storage::ValueType type, const std::function<void(storage::ValueEdit&)>& fill) {
  const storage::TypeLimits limits;
  storage::ValueEdit edit("key", storage::kEmptyPacked, storage::kNoExpiry, {type, storage::CollectionForm::kPacked}, 0,
                          limits);
  fill(edit);
  const storage::ValueCopy copy(*edit.entry());
  edit.Discard();
  EXPECT_TRUE(storage::IsPackedCollection(copy.kind, copy.packed));
  return copy.packed;
}

TEST(ValueFormat, TheDocumentedExampleIsPacked) {
  std::string expected = PackedOf(storage::ValueType::kList, [](storage::ValueEdit& edit) {
    Apply(edit, storage::ListPush{"a", false});
    Apply(edit, storage::ListPush{std::string(200, 'b'), false});
  });
  expected = expected.substr(0, 10) + expected.substr(expected.size() - 2);
  expected += PackedOf(storage::ValueType::kSortedSet, [](storage::ValueEdit& edit) {
    Apply(edit, storage::SortedSetPut{"n", 0.5});
    Apply(edit, storage::SortedSetPut{"m", -3});
  });
  expected += PackedOf(storage::ValueType::kSet, [](storage::ValueEdit& edit) {
    Apply(edit, storage::SetAdd{"300"});
    Apply(edit, storage::SetAdd{"7"});
  });
  expected += PackedOf(storage::ValueType::kStream, [](storage::ValueEdit& edit) {
    Apply(edit, storage::StreamAppend{.id = {300, 1}, .fields = std::string_view("\1f\1v", 4)});
    Apply(edit, storage::StreamAppend{.id = {300, 2}, .fields = std::string_view("\1g\1w", 4)});
    Apply(edit, storage::StreamErase{{300, 1}});
    Apply(edit, storage::StreamGroupPut{"group", {300, 2}, 2});
    Apply(edit, storage::StreamPend{"group", "me", {300, 2}, 1000, 3});
  });
  EXPECT_EQ(ExampleIn("values.md", expected), expected);
}

template <typename Effect>
Effect WrittenAndRead(const Effect& effect) {
  std::string bytes;
  storage::EncodeEffect(&bytes, 5, "key", effect);
  for (size_t size = 0; size < bytes.size(); ++size) {
    storage::ByteReader cut(std::string_view(bytes).substr(0, size));
    storage::DecodeEffect(&cut);
    EXPECT_FALSE(cut.ok()) << size;
  }
  // What was read points into these.
  static std::deque<std::string> kept;
  storage::ByteReader reader(kept.emplace_back(bytes));
  const storage::EffectRecord record = storage::DecodeEffect(&reader);
  EXPECT_TRUE(reader.ok() && reader.AtEnd());
  EXPECT_EQ(record.db, 5);
  EXPECT_EQ(record.key, "key");
  return std::get<Effect>(record.effect);
}

TEST(Effects, EffectsOfCollectionsSurviveEncodingAndDecoding) {
  EXPECT_EQ(WrittenAndRead(storage::HashPut{"field", "value"}).value, "value");
  EXPECT_EQ(WrittenAndRead(storage::HashPut{"field", "value"}).expiry, storage::kNoExpiry);
  EXPECT_EQ(WrittenAndRead(storage::HashPut{"field", "value", 1234}).expiry, 1234);
  EXPECT_EQ(WrittenAndRead(storage::HashErase{"field"}).field, "field");
  EXPECT_EQ(WrittenAndRead(storage::HashFieldExpire{"field"}).field, "field");
  EXPECT_EQ(WrittenAndRead(storage::HashFieldExpirySet{"field", 1234}).expiry, 1234);
  EXPECT_EQ(WrittenAndRead(storage::HashFieldExpirySet{"field"}).expiry, storage::kNoExpiry);
  EXPECT_TRUE(WrittenAndRead(storage::ListPush{"element", true}).at_front);
  const auto insert = WrittenAndRead(storage::ListInsert{"pivot", "element", true});
  EXPECT_EQ(std::string(insert.pivot) + "," + std::string(insert.element), "pivot,element");
  EXPECT_TRUE(insert.behind);
  const auto take = WrittenAndRead(storage::ListTake{300, true});
  EXPECT_EQ(take.count, 300u);
  EXPECT_TRUE(take.from_front);
  const auto set = WrittenAndRead(storage::ListSet{70'000, "element"});
  EXPECT_EQ(set.index, 70'000u);
  EXPECT_EQ(set.element, "element");
  const auto remove = WrittenAndRead(storage::ListRemove{"element", 3, true});
  EXPECT_EQ(remove.most, 3u);
  EXPECT_TRUE(remove.from_back);
  EXPECT_EQ(WrittenAndRead(storage::SetAdd{"member"}).member, "member");
  EXPECT_EQ(WrittenAndRead(storage::SetErase{"member"}).member, "member");
  EXPECT_EQ(WrittenAndRead(storage::SortedSetPut{"member", 0.1}).score, 0.1);
  EXPECT_EQ(WrittenAndRead(storage::SortedSetErase{"member"}).member, "member");
  const storage::StreamId id{5, UINT64_MAX};
  const auto append = WrittenAndRead(storage::StreamAppend{id, "fields"});
  EXPECT_TRUE(append.id == id && append.fields == "fields");
  EXPECT_EQ(WrittenAndRead(storage::StreamErase{id}).id, id);
  EXPECT_EQ(WrittenAndRead(storage::StreamTrim{id}).least, id);
  const auto ids = WrittenAndRead(storage::StreamSetIds{id, {1, 2}, 300});
  EXPECT_TRUE(ids.last_id == id && ids.greatest_erased.seq == 2 && ids.added == 300);
  const auto group = WrittenAndRead(storage::StreamGroupPut{"group", id, -1});
  EXPECT_TRUE(group.group == "group" && group.last_id == id && group.read == -1);
  EXPECT_EQ(WrittenAndRead(storage::StreamGroupErase{"group"}).group, "group");
  const auto consumer = WrittenAndRead(storage::StreamConsumerPut{"group", "consumer", -7});
  EXPECT_TRUE(consumer.group == "group" && consumer.consumer == "consumer" && consumer.seen == -7);
  EXPECT_EQ(WrittenAndRead(storage::StreamConsumerErase{"group", "consumer"}).consumer, "consumer");
  const auto pend = WrittenAndRead(storage::StreamPend{"group", "consumer", id, 9, 300});
  EXPECT_TRUE(pend.consumer == "consumer" && pend.id == id && pend.delivered == 9 && pend.deliveries == 300);
  EXPECT_EQ(WrittenAndRead(storage::StreamAcknowledge{"group", id}).id, id);
  const storage::ValueKind kind(storage::ValueType::kList, storage::CollectionForm::kPacked);
  EXPECT_EQ(WrittenAndRead(storage::CollectionPut{kind, "bytes", 123}).expiry, 123);
  const auto put = WrittenAndRead(storage::CollectionPut{kind, "bytes"});
  EXPECT_EQ(put.expiry, storage::kNoExpiry);
  EXPECT_TRUE(put.kind == kind);
  EXPECT_EQ(put.packed, "bytes");
}

TEST(Effects, EveryKindIsReadAsItWasWritten) {
  std::string bytes;
  storage::EncodeEffect(&bytes, 3, "key", storage::StringPut{"value", 123, storage::StringForm::kText});
  storage::EncodeEffect(&bytes, 1000, std::string(300, 'k'), storage::StringPatch{70'000, "patch"});
  storage::EncodeEffect(&bytes, 0, "", storage::ExpirySet{-5});
  storage::EncodeEffect(&bytes, 0, "k", storage::ExpirySet{storage::kNoExpiry});
  storage::EncodeEffect(&bytes, 0, "k", storage::Erase{storage::EraseReason::kEvicted});
  storage::EncodeEffect(&bytes, 7, storage::DatabaseFlush{});
  storage::EncodeEffect(&bytes, 7, storage::DatabaseSwap{8});
  storage::ByteReader reader(bytes);
  const storage::EffectRecord put = storage::DecodeEffect(&reader);
  EXPECT_EQ(put.db, 3);
  EXPECT_EQ(std::get<storage::StringPut>(put.effect).expiry, 123);
  EXPECT_EQ(std::get<storage::StringPut>(put.effect).form, storage::StringForm::kText);
  const storage::EffectRecord patch = storage::DecodeEffect(&reader);
  EXPECT_EQ(patch.db, 1000);
  EXPECT_EQ(patch.key.size(), 300u);
  EXPECT_EQ(std::get<storage::StringPatch>(patch.effect).offset, 70'000u);
  EXPECT_EQ(std::get<storage::ExpirySet>(storage::DecodeEffect(&reader).effect).expiry, -5);
  EXPECT_EQ(std::get<storage::ExpirySet>(storage::DecodeEffect(&reader).effect).expiry, storage::kNoExpiry);
  EXPECT_EQ(std::get<storage::Erase>(storage::DecodeEffect(&reader).effect).reason, storage::EraseReason::kEvicted);
  EXPECT_EQ(storage::DecodeEffect(&reader).db, 7);
  EXPECT_EQ(std::get<storage::DatabaseSwap>(storage::DecodeEffect(&reader).effect).other, 8);
  EXPECT_TRUE(reader.ok());
  EXPECT_TRUE(reader.AtEnd());
}

TEST(Effects, EachTagHasALineInTheDocument) {
  const std::string text = ReadText(RINGKV_SOURCE "/docs/formats/log.md");
  const size_t start = text.find("## Effects");
  const std::string list = text.substr(start, text.find("## Reading it") - start);
  const auto expect_line = [&](uint8_t tag) {
    EXPECT_NE(list.find("\n| " + std::to_string(tag) + " | "), std::string::npos) << static_cast<int>(tag);
  };
  std::apply(
      [&](const auto&... rows) {
        (expect_line(rows.tag), ...);
        ((rows.tag_with_expiry == 0 ? void() : expect_line(rows.tag_with_expiry)), ...);
      },
      storage::kEffects);
}

TEST(Effects, NoCutEffectIsTakenForAWholeOne) {
  std::string bytes;
  storage::EncodeEffect(&bytes, 3, "key", storage::StringPut{"value", 123});
  for (size_t size = 0; size < bytes.size(); ++size) {
    storage::ByteReader reader(std::string_view(bytes).substr(0, size));
    storage::DecodeEffect(&reader);
    EXPECT_FALSE(reader.ok()) << size;
  }
}

// tests/data/v1 was written by the first version that had these formats.
TEST(EarlierVersions, FilesOfVersionOneAreRead) {
  storage::PosixFileSystem disk;
  const std::string directory = RINGKV_SOURCE "/tests/data/v1";
  storage::ManualClock clock(kTime);
  const storage::DataFiles files{
      .directory = directory, .snapshot_name = "dump.rkv", .log_directory = directory + "/log"};
  const auto seed = storage::FindHashSeed(disk, files);
  ASSERT_TRUE(seed) << seed.error().text;
  storage::Store store({.databases = 16, .hash_seed = seed->value()}, clock);
  storage::RecoveryOptions options;
  options.read_only = true;
  const auto summary = storage::Recover(store, disk, files, options);
  ASSERT_TRUE(summary) << summary.error().text;
  storage::Random random(1);
  storage::Txn txn(store, kTime, random);
  EXPECT_EQ(SizeOf(txn, 0).keys, 1002u);
  EXPECT_EQ(SizeOf(txn, 1).keys, 1u);
  txn.LockKey("after");
  const storage::Place after = txn.Find(0, "after", storage::Intent::kPeek);
  ASSERT_TRUE(after);
  EXPECT_EQ(after.value(), "the snapshot");
}

}  // namespace
}  // namespace ringkv::test
