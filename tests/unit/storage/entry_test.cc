// SPDX-License-Identifier: MIT
#include "storage/edit/mutable_entry.h"

#include <gtest/gtest.h>
#include <lzf.h>

#include <algorithm>
#include <string>

#include "storage/base/random.h"
#include "storage/entry/lzf.h"
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

// Also in memory that held something else before.
TEST_F(EntryTest, IsLengthenedWithZeros) {
  for (const size_t length : {size_t{0}, size_t{10}, size_t{300'000}}) {
    for (const size_t offset : {size_t{11}, size_t{200'000}, kLargeValue, size_t{500'000}, size_t{3'000'000}}) {
      if (offset < length) continue;
      for (const UnixMs expiry : {kNoExpiry, UnixMs{5}}) {
        Create("key", std::string(4'000'000, '?'));
        MutableEntry::Free(entry_);
        Create("key", std::string(length, 'v'), expiry);
        entry_ = entry_->WithBytesAt(offset, "end");
        EXPECT_EQ(entry_->key(), "key");
        EXPECT_EQ(entry_->value(), std::string(length, 'v') + std::string(offset - length, '\0') + "end");
        EXPECT_EQ(entry_->expiry(), expiry);
        EXPECT_EQ(entry_->access(), 0x123456u);
        MutableEntry::Free(entry_);
      }
    }
  }
  Create("key", "value");
}

// Repeats, overlaps and what can't be compressed, as the library compresses it.
std::string RandomText(Random& random, size_t size) {
  std::string text;
  while (text.size() < size) {
    const size_t part = 1 + random.Below(40);
    switch (random.Below(4)) {
      case 0: text += std::string(part * random.Below(20), 'x'); break;
      case 1: text += "element:" + std::to_string(random.Below(1000)); break;
      case 2: text += text.substr(text.size() - std::min(text.size(), random.Below(9000))).substr(0, part); break;
      default:
        for (size_t i = 0; i < part; ++i) text += static_cast<char>(random.Below(256));
    }
  }
  text.resize(size);
  return text;
}

TEST(Lzf, WhatTheLibraryCompressesIsDecompressed) {
  Random random(1);
  size_t compressible = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string text = RandomText(random, 1 + random.Below(i % 100 == 0 ? 70'000 : 300));
    std::string packed(text.size() + text.size() / 8 + 16, '\0');
    packed.resize(lzf_compress(text.data(), static_cast<unsigned>(text.size()), packed.data(),
                               static_cast<unsigned>(packed.size())));
    if (packed.empty()) continue;
    ++compressible;
    std::string room(text.size() + 1, '\0');
    ASSERT_TRUE(DecompressLzf(packed, room.data(), text.size()));
    ASSERT_EQ(room.substr(0, text.size()), text);
    ASSERT_EQ(room[text.size()], '\0');
    EXPECT_FALSE(DecompressLzf(packed, room.data(), text.size() + 1));
    EXPECT_FALSE(DecompressLzf(packed, room.data(), text.size() - 1));
    // Anything else is refused, or makes as many bytes.
    const std::string cut = packed.substr(0, random.Below(packed.size()));
    EXPECT_FALSE(DecompressLzf(cut, room.data(), text.size()));
    packed[random.Below(packed.size())] = static_cast<char>(random.Below(256));
    DecompressLzf(packed, room.data(), text.size());
    ASSERT_EQ(room.size(), text.size() + 1);
  }
  EXPECT_GT(compressible, 1000u);
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
