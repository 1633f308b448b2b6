// SPDX-License-Identifier: MIT
// RDB files and DUMP payloads, as far as redis-server isn't needed as a peer (compat/rdb.py has it).
#include <gtest/gtest.h>

#include "storage/base/byte_codec.h"
#include "storage/edit/mutable_entry.h"
#include "storage/rdb/crc64.h"
#include "storage/rdb/dump_payload.h"
#include "storage/rdb/rdb_codec.h"
#include "storage/rdb/rdb_reader.h"
#include "storage/rdb/rdb_writer.h"
#include "storage/types/hash_fields.h"
#include "storage/types/set.h"
#include "tests/support/collections.h"
#include "tests/support/faulty_file_system.h"

namespace ringkv::test {
namespace {

using storage::DumpStatus;
using storage::kNoExpiry;
using storage::LibrariesStatus;
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

TEST(Rdb, TheChecksumMatchesTheCatalogueOfCrcs) {
  EXPECT_EQ(storage::Crc64(0, "123456789"), 0xe9c6d914c4b8d9ca);
  EXPECT_EQ(storage::Crc64(storage::Crc64(0, "1234"), "56789"), 0xe9c6d914c4b8d9ca);
}

TEST(Rdb, ValuesSurviveWritingAndReading) {
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

TEST(Rdb, LibrariesOfFunctionsComeOutWithTheirCodes) {
  std::string bytes;
  storage::RdbWriter rdb(&bytes);
  rdb.Begin("7.0.15", 1'700'000'000'000);
  rdb.Library("#!lua name=first");
  rdb.Library(std::string(1000, 'c'));
  rdb.SelectDatabase(0);
  rdb.Key("key", storage::StringForm::kPlain, "value", kNoExpiry);
  rdb.End();
  FaultyFileSystem disk;
  Place(disk, bytes);
  const auto reader = RdbReader::Open(disk, "file.rdb");
  std::vector<std::string> codes;
  (*reader)->set_on_library([&](const std::string& code) {
    codes.push_back(code);
    return storage::Status();
  });
  RdbKey key;
  EXPECT_TRUE((*reader)->Next(&key).value_or(false));
  EXPECT_EQ(codes, (std::vector<std::string>{"#!lua name=first", std::string(1000, 'c')}));
  EXPECT_TRUE((*reader)->left_out().empty());
}

TEST(Rdb, AnInvalidLibraryEndsTheReading) {
  std::string bytes;
  storage::RdbWriter rdb(&bytes);
  rdb.Begin("7.0.15", 1'700'000'000'000);
  rdb.Library("code");
  rdb.End();
  FaultyFileSystem disk;
  Place(disk, bytes);
  const auto reader = RdbReader::Open(disk, "file.rdb");
  (*reader)->set_on_library([](const std::string&) -> storage::Status { return storage::Fail("no metadata"); });
  RdbKey key;
  const storage::Result<bool> read = (*reader)->Next(&key);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().text, "no metadata");
}

// --- payloads -------------------------------------------------------------------------------------------------------

std::string PayloadOf(const std::vector<std::string>& codes) {
  std::string payload;
  for (const std::string& code : codes) storage::AddLibraryToPayload(&payload, code);
  storage::SealPayload(&payload);
  return payload;
}

// As redis-server 7.0.15 returned them.
TEST(LibrariesPayload, HasTheBytesOfRedis) {
  EXPECT_EQ(PayloadOf({}), std::string("\n\0]\x9b\\@\x0f\x7f\xa2\xda", 10));
  std::string code = "#!lua name=long\n";
  for (int i = 0; i < 10; ++i) code += "-- " + std::string(35, 'a') + "\n";
  code += "redis.register_function(\"long\",function() end)";
  const std::string_view payload(
      "\xf5\xc3@JA\xc4\x13#!lua name=long\n-- a\xe0\x19\0\xe0\xff&\xe0\0\0\xe1"
      "F\x10\x18redis.register_function(\"A\xa3\x01\",\xe0\0\x0f\x05) end)\n\0\x04-\xe8\xfc`\x10\0V",
      90);
  EXPECT_EQ(PayloadOf({code}), payload);
  const storage::LibrariesContent content = storage::DecodeLibrariesPayload(payload, 1000);
  EXPECT_EQ(content.status, LibrariesStatus::kValid);
  EXPECT_EQ(content.codes, std::vector<std::string>{code});
}

TEST(LibrariesPayload, WhatIsWrongIsNamed) {
  const auto status = [](const std::string& payload) { return storage::DecodeLibrariesPayload(payload, 1000).status; };
  const std::string good = PayloadOf({"code"});
  EXPECT_EQ(status(""), LibrariesStatus::kWrongEnvelope);
  EXPECT_EQ(status(good + "x"), LibrariesStatus::kWrongEnvelope);
  EXPECT_EQ(status(Sealed("\xf6")), LibrariesStatus::kOldFormat);
  EXPECT_EQ(status(Sealed(std::string("\0\1v", 3))), LibrariesStatus::kNoLibrary);
  EXPECT_EQ(status(Sealed("\xf5\x20"
                          "abc")),
            LibrariesStatus::kIncomplete);
  EXPECT_EQ(status(Sealed("\xf5")), LibrariesStatus::kIncomplete);
  EXPECT_EQ(status(PayloadOf({std::string(1000, 'a')})), LibrariesStatus::kValid);
  EXPECT_EQ(status(PayloadOf({std::string(999, 'a'), "bc"})), LibrariesStatus::kTooLong);
  const storage::LibrariesContent partly = storage::DecodeLibrariesPayload(Sealed("\xf5\x01"
                                                                                  "a\xf5\x02"
                                                                                  "b"),
                                                                           1000);
  EXPECT_EQ(partly.status, LibrariesStatus::kIncomplete);
  EXPECT_EQ(partly.codes, std::vector<std::string>{"a"});
}

TEST(DumpPayload, HoldsAnyString) {
  for (const std::string& value : {std::string(), std::string("-128"), std::string("007"), std::string(1000, 'a'),
                                   std::string("\0\xff\r\n", 4), std::string(70'000, 'b')}) {
    const storage::DumpContent content =
        storage::DecodeDumpPayload(storage::EncodeDumpPayload(storage::StringForm::kPlain, value));
    EXPECT_EQ(content.status, DumpStatus::kValid);
    EXPECT_EQ(content.value, value);
  }
}

// --- hashes with fields that expire, as rdb.c of Redis 7.4 has them -------------------------------------------------

constexpr storage::UnixMs kThen = 1'900'000'000'000;

// What a payload of such a type holds.
std::string HashIn(RdbType type, const std::string& value, int version = storage::kFieldExpiryRdbVersion) {
  std::string payload = std::string(1, static_cast<char>(type)) + value;
  storage::SealPayload(&payload, version);
  const storage::DumpContent content = storage::DecodeDumpPayload(payload);
  if (content.status != DumpStatus::kValid) return "invalid";
  const storage::TypeLimits limits;
  storage::MutableEntry* entry = storage::MakeEntry("key", {content.kind, content.value}, limits, 0);
  std::string shown = ShownValue(*entry);
  storage::MutableEntry::Free(entry);
  return shown;
}

std::string ExpiringFields(bool is_early, const std::vector<std::pair<std::string, uint64_t>>& fields) {
  std::string value;
  if (!is_early) storage::PutFixed(&value, kThen);
  storage::PutRdbLength(&value, fields.size());
  for (const auto& [name, code] : fields) {
    storage::PutRdbLength(&value, code);
    storage::PutRdbString(&value, name);
    storage::PutRdbString(&value, "v");
  }
  return value;
}

// Short texts and numbers of eight bytes.
std::string Listpack(const std::vector<std::pair<std::string, int64_t>>& fields) {
  std::string elements;
  const auto add_text = [&](const std::string& text) {
    elements += static_cast<char>(0x80 + text.size());
    elements += text;
    elements += static_cast<char>(1 + text.size());
  };
  for (const auto& [name, expiry] : fields) {
    add_text(name);
    add_text("v");
    elements += '\xf4';
    storage::PutFixed(&elements, expiry);
    elements += '\x09';
  }
  std::string blob;
  storage::PutFixed(&blob, static_cast<uint32_t>(6 + elements.size() + 1));
  storage::PutFixed(&blob, static_cast<uint16_t>(3 * fields.size()));
  return blob + elements + '\xff';
}

TEST(DumpPayload, FieldsThatExpireAreReadInAllTheirForms) {
  const std::string expected = "hash|a=v until 1900000000000|b=v|c=v until 1900000000005";
  EXPECT_EQ(HashIn(RdbType::kHashMetadata, ExpiringFields(false, {{"a", 1}, {"b", 0}, {"c", 6}})), expected);
  EXPECT_EQ(HashIn(RdbType::kHashMetadataEarly, ExpiringFields(true, {{"a", kThen}, {"b", 0}, {"c", kThen + 5}})),
            expected);
  std::string early;
  storage::PutRdbString(&early, Listpack({{"a", kThen}, {"c", kThen + 5}, {"b", 0}}));
  EXPECT_EQ(HashIn(RdbType::kHashListpackExEarly, early), expected);
  std::string next;
  storage::PutFixed(&next, kThen);
  EXPECT_EQ(HashIn(RdbType::kHashListpackEx, next + early), expected);
  EXPECT_EQ(HashIn(RdbType::kHashMetadata, ExpiringFields(false, {{"a", 0}, {"b", 0}})), "hash|a=v|b=v");
}

TEST(DumpPayload, FieldsThatExpireAtImpossibleTimesOrStandTwiceAreRefused) {
  EXPECT_EQ(HashIn(RdbType::kHashMetadata, ExpiringFields(false, {{"a", uint64_t{1} << 48}})), "invalid");
  EXPECT_EQ(HashIn(RdbType::kHashMetadata, ExpiringFields(false, {{"a", UINT64_MAX}})), "invalid");
  EXPECT_EQ(HashIn(RdbType::kHashMetadata, ExpiringFields(false, {{"a", 1}, {"a", 2}})), "invalid");
  std::string value;
  storage::PutRdbString(&value, Listpack({{"a", -5}}));
  EXPECT_EQ(HashIn(RdbType::kHashListpackExEarly, value), "invalid");
}

// --- files and payloads of Valkey 9 ---------------------------------------------------------------------------------

constexpr auto kHashByteOfValkey = static_cast<RdbType>(22);

std::string TimedFields(const std::vector<std::pair<std::string, int64_t>>& fields) {
  std::string value;
  storage::PutRdbLength(&value, fields.size());
  for (const auto& [name, expiry] : fields) {
    storage::PutRdbString(&value, name);
    storage::PutRdbString(&value, "v");
    storage::PutFixed(&value, expiry);
  }
  return value;
}

TEST(DumpPayload, AHashOfValkeyWithFieldsThatExpireIsRead) {
  const std::string value = TimedFields({{"a", kThen}, {"b", -1}});
  EXPECT_EQ(HashIn(kHashByteOfValkey, value, 80), "hash|a=v until 1900000000000|b=v");
  EXPECT_EQ(HashIn(kHashByteOfValkey, TimedFields({{"a", -1}}), 80), "hash|a=v");
  EXPECT_EQ(HashIn(kHashByteOfValkey, TimedFields({{"a", -2}}), 80), "invalid");
  EXPECT_EQ(HashIn(kHashByteOfValkey, value.substr(0, value.size() - 1), 80), "invalid");
  EXPECT_EQ(HashIn(kHashByteOfValkey, value, 12), "invalid");
  EXPECT_EQ(HashIn(kHashByteOfValkey, value, 79), "invalid");
  EXPECT_EQ(HashIn(RdbType::kHashOfValkey, value, 80), "invalid");
  EXPECT_EQ(HashIn(RdbType::kHashMetadata, ExpiringFields(false, {{"a", 1}}), 80), "invalid");
}

std::string ValkeyFile(const std::string& content) {
  std::string bytes = "VALKEY080\xfe" + std::string(1, '\0') + content + '\xff';
  storage::PutFixed(&bytes, storage::Crc64(0, bytes));
  return bytes;
}

TEST(Rdb, AFileOfValkeyIsRead) {
  std::string hash = "\x16";
  storage::PutRdbString(&hash, "key");
  FaultyFileSystem disk;
  Place(disk, ValkeyFile(hash + TimedFields({{"a", kThen}})));
  const auto reader = RdbReader::Open(disk, "file.rdb");
  ASSERT_TRUE(reader) << reader.error().text;
  RdbKey key;
  ASSERT_TRUE((*reader)->Next(&key).value_or(false));
  EXPECT_EQ(key.key, "key");
  EXPECT_TRUE(key.kind.has_field_expiry());
  EXPECT_FALSE((*reader)->Next(&key).value_or(true));
}

TEST(Rdb, AFileOfValkeyThatHasPartsOfSlotsIsRefused) {
  FaultyFileSystem disk;
  Place(disk, ValkeyFile("\xf3"));
  const auto reader = RdbReader::Open(disk, "file.rdb");
  ASSERT_TRUE(reader) << reader.error().text;
  RdbKey key;
  const auto read = (*reader)->Next(&key);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().text.find("while slots moved"), std::string::npos);
}

TEST(DumpPayload, FieldsThatExpireAreOfAVersionThatRedis70Refuses) {
  std::string packed;
  storage::FieldPacker packer(&packed, 2, true);
  packer.Add({"a", "v", kThen});
  packer.Add({"b", "v"});
  const storage::ValueKind kind(storage::ValueType::kHash, storage::CollectionForm::kPacked, true);
  const std::string payload = storage::EncodeDumpPayload(kind, packed);
  EXPECT_EQ(payload[payload.size() - 10], '\x0c');
  EXPECT_EQ(storage::DecodeDumpPayload(payload).value, packed);
}

// A file is for redis-server 7.0, which has no such fields.
TEST(Rdb, FieldsDoNotExpireInFilesForRedis) {
  std::string packed;
  storage::FieldPacker(&packed, 1, true).Add({"a", "v", kThen});
  std::string bytes;
  storage::RdbWriter rdb(&bytes);
  rdb.Begin("7.0.15", 1'700'000'000'000);
  rdb.Key("hash", {storage::ValueType::kHash, storage::CollectionForm::kPacked, true}, packed, kNoExpiry);
  rdb.End();
  FaultyFileSystem disk;
  Place(disk, bytes);
  const auto reader = RdbReader::Open(disk, "file.rdb");
  RdbKey key;
  ASSERT_TRUE((*reader)->Next(&key).value_or(false));
  EXPECT_FALSE(key.kind.has_field_expiry());
  EXPECT_EQ(key.value, std::string("\1\0\0\0\1a\1v", 8));
}

TEST(DumpPayload, AnotherTypeIsNamed) {
  const storage::DumpContent module = storage::DecodeDumpPayload(Sealed(std::string("\x07\x01\x00", 3)));
  EXPECT_EQ(module.status, DumpStatus::kUnsupportedType);
  EXPECT_EQ(storage::NameOf(module.type), "module");
}

// What Redis 5 and 6 pack small collections into; no redis-server of this machine writes it any more.
std::string Ziplist(const std::vector<std::string>& elements) {
  std::string body;
  size_t before = 0;
  for (const std::string& element : elements) {
    const size_t start = body.size();
    body.push_back(static_cast<char>(before));
    body += element;
    before = body.size() - start;
  }
  body.push_back('\xff');
  std::string head;
  storage::PutFixed(&head, static_cast<uint32_t>(body.size() + 10));
  storage::PutFixed(&head, uint32_t{10});
  storage::PutFixed(&head, static_cast<uint16_t>(elements.size()));
  return head + body;
}

// As a ziplist has them: a short text, a longer one, and numbers of all widths.
const std::vector<std::string> kZiplistElements = {std::string("\x01") + "a",
                                                   std::string("\x40\x46") + std::string(70, 'b'),
                                                   "\xf6",
                                                   "\xfe\xff",
                                                   std::string("\xc0\x2c\x01"),
                                                   std::string("\xf0\x70\x11\x01"),
                                                   std::string("\xd0\x00\x00\x00\x80", 5),
                                                   std::string("\xe0\xff\xff\xff\xff\xff\xff\xff\x7f")};

// A hash before Redis 2.6, with two unused bytes behind the first value.
const std::string kZipmap(
    "\x02\x01x\x01\x02"
    "1??\x01y\x00\x00\xff",
    13);

std::string Payload(storage::RdbType type, std::string_view blob, bool is_counted = false) {
  std::string body(1, static_cast<char>(type));
  if (is_counted) body.push_back('\1');
  storage::PutRdbString(&body, blob);
  return Sealed(body);
}

std::string ShownPayload(const std::string& payload) {
  const storage::DumpContent content = storage::DecodeDumpPayload(payload);
  if (content.status != DumpStatus::kValid) return "refused";
  const storage::TypeLimits limits;
  storage::MutableEntry* entry = storage::MakeEntry("key", {content.kind, content.value}, limits, 0);
  const std::string shown = ShownValue(*entry);
  storage::MutableEntry::Free(entry);
  return shown;
}

TEST(DumpPayload, TheFormsOfOlderRedisAreRead) {
  const std::string elements = "a|" + std::string(70, 'b') + "|5|-1|300|70000|-2147483648|9223372036854775807";
  EXPECT_EQ(ShownPayload(Payload(storage::RdbType::kListZiplist, Ziplist(kZiplistElements))), "list|" + elements);
  EXPECT_EQ(ShownPayload(Payload(storage::RdbType::kListQuicklist, Ziplist(kZiplistElements), true)),
            "list|" + elements);
  EXPECT_EQ(ShownPayload(Payload(storage::RdbType::kHashZiplist, Ziplist({"\x01x", "\xf2", "\x01y", "\xf3"}))),
            "hash|x=1|y=2");
  EXPECT_EQ(ShownPayload(Payload(storage::RdbType::kSortedSetZiplist, Ziplist({"\x01x",
                                                                               "\x03"
                                                                               "1.5",
                                                                               "\x01y", "\xf1"}))),
            "sorted set|y=0.000000|x=1.500000");
  EXPECT_EQ(ShownPayload(Sealed(std::string("\x03\x02\x01x\x03"
                                            "1.5\x01y\xff",
                                            11))),
            "sorted set|y=-inf|x=1.500000");
  EXPECT_EQ(ShownPayload(Payload(storage::RdbType::kHashZipmap, kZipmap)), "hash|x=1|y=");
}

TEST(DumpPayload, ACollectionThatContradictsItselfIsRefused) {
  const std::string blob = Ziplist(kZiplistElements);
  for (size_t size = 0; size < blob.size(); ++size) {
    EXPECT_EQ(ShownPayload(Payload(storage::RdbType::kListZiplist, blob.substr(0, size))), "refused") << size;
  }
  EXPECT_EQ(ShownPayload(Payload(storage::RdbType::kHashZiplist, Ziplist({"\x01x", "\xf2", "\x01x", "\xf3"}))),
            "refused");
  for (size_t size = 0; size < kZipmap.size(); ++size) {
    EXPECT_EQ(ShownPayload(Payload(storage::RdbType::kHashZipmap, kZipmap.substr(0, size))), "refused") << size;
  }
  EXPECT_EQ(ShownPayload(Payload(storage::RdbType::kHashZiplist, Ziplist({"\x01x"}))), "refused");
  EXPECT_EQ(ShownPayload(Payload(storage::RdbType::kSortedSetZiplist, Ziplist({"\x01x", "\x01y"}))), "refused");
  EXPECT_EQ(ShownPayload(Payload(storage::RdbType::kListZiplist, Ziplist({}))), "refused");
  EXPECT_EQ(ShownPayload(Sealed(std::string("\x02\x02\x01x\x01x", 6))), "refused");
}

TEST(DumpPayload, ALargeSetIsReadIntoItsTable) {
  constexpr size_t kMembers = 3000;
  const storage::TypeLimits limits;
  const auto body_of = [](size_t members, size_t said) {
    std::string body(1, static_cast<char>(storage::RdbType::kSet));
    storage::PutRdbLength(&body, said);
    for (size_t i = 0; i < members; ++i) storage::PutRdbString(&body, "member" + std::to_string(i % kMembers));
    return body;
  };
  const auto status_of = [&](const std::string& payload, size_t* members) {
    storage::NewSet set(limits, "key", storage::MembersOfSet(payload));
    const DumpStatus status = storage::DecodeDumpSet(payload, &set);
    *members = set.view().size();
    return status;
  };
  size_t members = 0;
  const std::string whole = Sealed(body_of(kMembers, kMembers));
  EXPECT_EQ(storage::MembersOfSet(whole), kMembers);
  EXPECT_EQ(status_of(whole, &members), DumpStatus::kValid);
  EXPECT_EQ(members, kMembers);
  EXPECT_EQ(status_of(Sealed(body_of(kMembers + 1, kMembers + 1)), &members), DumpStatus::kInvalid);
  EXPECT_EQ(status_of(Sealed(body_of(kMembers, kMembers + 1)), &members), DumpStatus::kInvalid);
  EXPECT_EQ(status_of(whole + "x", &members), DumpStatus::kWrongEnvelope);
  EXPECT_LT(storage::MembersOfSet(Sealed(body_of(10, size_t{1} << 40))), 100u);
  EXPECT_EQ(storage::MembersOfSet(""), 0u);
}

TEST(DumpPayload, LengthsThatLieCostNothing) {
  // Five bytes that announce 500 MB of decompressed text, or of plain text, or a list of 2^62 elements.
  for (const std::string& body :
       {std::string("\x00\xc3\x05\x80\x1d\xcd\x65\x00xxxxx", 13), std::string("\x00\x80\x1d\xcd\x65\x00xxxxx", 11),
        std::string("\x01\x81\x40\x00\x00\x00\x00\x00\x00\x00", 10)}) {
    EXPECT_EQ(storage::DecodeDumpPayload(Sealed(body)).status, DumpStatus::kInvalid);
  }
}

}  // namespace
}  // namespace ringkv::test
