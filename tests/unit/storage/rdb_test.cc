// SPDX-License-Identifier: MIT
// RDB files and DUMP payloads, as far as redis-server isn't needed as a peer (compat/rdb.py has it).
#include <gtest/gtest.h>

#include "storage/rdb/crc64.h"
#include "storage/rdb/dump_payload.h"
#include "storage/rdb/rdb_reader.h"
#include "storage/rdb/rdb_writer.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {
namespace {

using storage::DumpVerdict;
using storage::kNoExpiry;
using storage::RdbKey;
using storage::RdbReader;
using storage::RdbType;

// A payload with the right version and checksum.
std::string Sealed(std::string body) {
  body += std::string("\x0a\0", 2);
  const uint64_t checksum = storage::Crc64(0, body);
  body.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  return body;
}

std::string SmallFile() {
  std::string bytes;
  storage::RdbWriter rdb(&bytes);
  rdb.Begin("7.0.15", 1'700'000'000'000);
  rdb.SelectDatabase(0);
  rdb.Key("key", storage::StringForm::kPlain, "value", kNoExpiry);
  rdb.Key("expires", storage::StringForm::kPlain, "12345", 1'900'000'000'000);
  rdb.SelectDatabase(300);
  rdb.Key("", storage::StringForm::kPlain, std::string(100, 'x'), kNoExpiry);
  rdb.End();
  return bytes;
}

void Place(FaultyFileSystem& disk, const std::string& bytes) {
  ASSERT_TRUE((*disk.Open("file.rdb", storage::OpenMode::kReplace))->Append(bytes));
}

// How many keys come out; -1 if the file is found to be damaged.
int Read(FaultyFileSystem& disk) {
  const auto reader = RdbReader::Open(disk, "file.rdb");
  if (!reader) return -1;
  RdbKey key;
  int keys = 0;
  for (;;) {
    const storage::Result<bool> read = (*reader)->Next(&key);
    if (!read) return -1;
    if (!*read) return keys;
    ++keys;
  }
}

TEST(Rdb, TheChecksumIsTheOneOfItsCatalogue) {
  EXPECT_EQ(storage::Crc64(0, "123456789"), 0xe9c6d914c4b8d9ca);
  EXPECT_EQ(storage::Crc64(storage::Crc64(0, "1234"), "56789"), 0xe9c6d914c4b8d9ca);
}

TEST(Rdb, WhatIsWrittenIsRead) {
  FaultyFileSystem disk;
  Place(disk, SmallFile());
  const auto reader = RdbReader::Open(disk, "file.rdb");
  ASSERT_TRUE(reader) << reader.error().text;
  RdbKey key;
  ASSERT_TRUE((*reader)->Next(&key).value_or(false));
  EXPECT_EQ(key.key + "=" + key.value, "key=value");
  EXPECT_EQ(key.expiry, kNoExpiry);
  ASSERT_TRUE((*reader)->Next(&key).value_or(false));
  EXPECT_EQ(key.key + "=" + key.value, "expires=12345");
  EXPECT_EQ(key.expiry, 1'900'000'000'000);
  ASSERT_TRUE((*reader)->Next(&key).value_or(false));
  EXPECT_EQ(key.db, 300u);
  EXPECT_EQ(key.value, std::string(100, 'x'));
  EXPECT_EQ(key.expiry, kNoExpiry);
  EXPECT_FALSE((*reader)->Next(&key).value_or(true));
}

TEST(Rdb, EveryCutAndEveryFlippedBitIsFound) {
  const std::string whole = SmallFile();
  for (size_t size = 0; size < whole.size(); ++size) {
    FaultyFileSystem disk;
    Place(disk, whole.substr(0, size));
    EXPECT_EQ(Read(disk), -1) << "cut to " << size;
  }
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    FaultyFileSystem disk;
    Place(disk, flipped);
    EXPECT_EQ(Read(disk), -1) << "bit " << bit;
  }
}

TEST(DumpPayload, HoldsAnyString) {
  for (const std::string& value : {std::string(), std::string("-128"), std::string("007"), std::string(1000, 'a'),
                                   std::string("\0\xff\r\n", 4), std::string(70'000, 'b')}) {
    const storage::DumpContent content =
        storage::DecodeDumpPayload(storage::EncodeDumpPayload(storage::StringForm::kPlain, value));
    EXPECT_EQ(content.verdict, DumpVerdict::kGood);
    EXPECT_EQ(content.value, value);
  }
}

TEST(DumpPayload, AnotherTypeIsNamed) {
  const storage::DumpContent module = storage::DecodeDumpPayload(Sealed(std::string("\x07\x01\x00", 3)));
  EXPECT_EQ(module.verdict, DumpVerdict::kOtherType);
  EXPECT_EQ(storage::NameOf(module.type), "module");
}

TEST(DumpPayload, LengthsThatLieCostNothing) {
  // Five bytes that announce 500 MB of decompressed text, or of plain text, or a list of 2^62 elements.
  for (const std::string& body :
       {std::string("\x00\xc3\x05\x80\x1d\xcd\x65\x00xxxxx", 13), std::string("\x00\x80\x1d\xcd\x65\x00xxxxx", 11),
        std::string("\x01\x81\x40\x00\x00\x00\x00\x00\x00\x00", 10)}) {
    EXPECT_EQ(storage::DecodeDumpPayload(Sealed(body)).verdict, DumpVerdict::kBadData);
  }
}

}  // namespace
}  // namespace ringkv::test
