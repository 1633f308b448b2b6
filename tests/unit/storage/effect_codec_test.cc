// SPDX-License-Identifier: MIT
#include "storage/effects/effect_codec.h"

#include <gtest/gtest.h>

#include <string>

namespace ringkv::test {
namespace {

using namespace storage;

bool IsDecoded(const std::string& bytes) {
  ByteReader reader(bytes);
  DecodeEffect(&reader);
  return reader.ok();
}

template <typename Effect>
std::string Encoded(const Effect& effect) {
  std::string bytes;
  EncodeEffect(&bytes, 0, "key", effect);
  return bytes;
}

template <typename Effect>
std::string WithLastByte(const Effect& effect, char last) {
  std::string bytes = Encoded(effect);
  bytes.back() = last;
  return bytes;
}

std::string EraseIn(uint64_t db) {
  std::string bytes(1, static_cast<char>(TagOf(Erase{})));
  PutVarint(&bytes, db);
  PutText(&bytes, "key");
  bytes.push_back('\0');
  return bytes;
}

TEST(EffectCodec, ADatabaseBeyondTheTypeIsNotOneWithinIt) {
  EXPECT_TRUE(IsDecoded(EraseIn(0)));
  EXPECT_TRUE(IsDecoded(EraseIn(65535)));
  for (const uint64_t db : {uint64_t{1} << 16, uint64_t{1} << 32, (uint64_t{1} << 63) + 1}) {
    EXPECT_FALSE(IsDecoded(EraseIn(db))) << db;
    std::string swap(1, static_cast<char>(TagOf(DatabaseSwap{})));
    PutVarint(&swap, 0);
    PutVarint(&swap, db);
    EXPECT_FALSE(IsDecoded(swap)) << db;
  }
}

TEST(EffectCodec, ANumberOfMoreThan64BitsIsInvalid) {
  std::string number(10, '\xff');
  number.back() = '\1';
  ByteReader largest(number);
  EXPECT_EQ(largest.Varint(), UINT64_MAX);
  EXPECT_TRUE(largest.ok());
  for (const char last : {'\2', '\3', '\x7f', '\x80', '\xff'}) {
    number.back() = last;
    ByteReader reader(number);
    reader.Varint();
    EXPECT_FALSE(reader.ok());
  }
}

TEST(EffectCodec, AByteThatNamesNoValueIsInvalid) {
  EXPECT_TRUE(IsDecoded(WithLastByte(Erase{}, static_cast<char>(EraseReason::kMoved))));
  EXPECT_FALSE(IsDecoded(WithLastByte(Erase{}, static_cast<char>(EraseReason::kMoved) + 1)));
  EXPECT_FALSE(IsDecoded(WithLastByte(Erase{}, '\xff')));
  EXPECT_TRUE(IsDecoded(WithLastByte(ListPush{.element = "a", .at_front = false}, 1)));
  EXPECT_FALSE(IsDecoded(WithLastByte(ListPush{.element = "a", .at_front = false}, 2)));
  for (const auto& [form, is_valid] : {std::pair('\3', true), {'\4', false}, {'\x80', false}}) {
    std::string put = Encoded(StringPut{.value = "value"});
    put[put.find("key") + 3] = form;
    EXPECT_EQ(IsDecoded(put), is_valid) << int{form};
  }
}

}  // namespace
}  // namespace ringkv::test
