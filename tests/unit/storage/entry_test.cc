// SPDX-License-Identifier: MIT
#include "storage/edit/mutable_entry.h"

#include <gtest/gtest.h>

#include "storage/types/encoding.h"

namespace ringkv::storage {
namespace {

class EntryTest : public testing::Test {
 protected:
  void TearDown() override { MutableEntry::Free(entry_); }
  void Create(const std::string& key, const std::string& value, UnixMs expiry = kNoExpiry) {
    entry_ = MutableEntry::Create(key, value, expiry, StringForm::kPlain, 0x123456);
  }

  MutableEntry* entry_ = nullptr;
};

TEST_F(EntryTest, AKeyOfSixteenBytesWithAValueOfEightTakesThirtyTwo) {
  Create(std::string(16, 'k'), "12345678");
  EXPECT_EQ(entry_->TotalSize(), 32u);
}

TEST_F(EntryTest, KeepsKeysAndValuesOfEveryLength) {
  const size_t lengths[] = {0, 1, 254, 255, 256, 1000, 0xffffff, 0x1000000};
  for (const size_t key_length : {size_t{0}, size_t{255}, size_t{256}, size_t{70000}}) {
    for (const size_t value_length : lengths) {
      for (const UnixMs expiry : {kNoExpiry, UnixMs{5}}) {
        Create(std::string(key_length, 'k'), std::string(value_length, 'v'), expiry);
        EXPECT_EQ(entry_->key(), std::string(key_length, 'k'));
        EXPECT_EQ(entry_->value(), std::string(value_length, 'v'));
        EXPECT_EQ(entry_->expiry(), expiry);
        EXPECT_EQ(entry_->access(), 0x123456u);
        MutableEntry::Free(entry_);
      }
    }
  }
  Create("", "");
}

TEST_F(EntryTest, ANewValueKeepsKeyAndAccess) {
  Create("key", "old");
  for (const size_t length : {size_t{3}, size_t{4}, size_t{100}, size_t{0x1000000}, size_t{2}}) {
    entry_ = entry_->WithValue(std::string(length, 'n'), kNoExpiry, StringForm::kPlain, nullptr);
    EXPECT_EQ(entry_->key(), "key");
    EXPECT_EQ(entry_->value(), std::string(length, 'n'));
    EXPECT_EQ(entry_->access(), 0x123456u);
  }
}

TEST_F(EntryTest, AReplacedLargeValueIsReturnedForReclaim) {
  Create("key", std::string(kLargeValue, 'x'));
  MutableEntry* left_over = nullptr;
  entry_ = entry_->WithValue("small", kNoExpiry, StringForm::kPlain, &left_over);
  ASSERT_NE(left_over, nullptr);
  MutableEntry::Free(left_over);
}

TEST_F(EntryTest, APatchFillsTheGapWithZeros) {
  Create("key", "ab");
  entry_ = entry_->WithBytesAt(5, "cd");
  EXPECT_EQ(entry_->value(), std::string("ab\0\0\0cd", 7));
  EXPECT_EQ(EncodingName(*entry_), "raw");
}

TEST_F(EntryTest, APatchGrowsThroughEverySize) {
  Create("key", "");
  std::string model;
  for (int i = 0; i < 3000; ++i) {
    const char byte = static_cast<char>('a' + i % 26);
    entry_ = entry_->WithBytesAt(model.size(), {&byte, 1});
    model += byte;
    ASSERT_EQ(entry_->value(), model);
  }
}

TEST_F(EntryTest, AnExpiryIsSetAndRemoved) {
  Create("key", "value");
  entry_ = entry_->WithExpiry(77);
  EXPECT_EQ(entry_->expiry(), 77);
  EXPECT_EQ(entry_->value(), "value");
  entry_ = entry_->WithExpiry(kNoExpiry);
  EXPECT_FALSE(entry_->has_expiry());
  EXPECT_EQ(entry_->value(), "value");
}

}  // namespace
}  // namespace ringkv::storage
