// SPDX-License-Identifier: MIT
#include "storage/snapshot/block_codec.h"

#include <gtest/gtest.h>

#include <string>

#include "storage/base/random.h"
#include "storage/types/list_chunk.h"

namespace ringkv::test {
namespace {

using namespace storage;

// Bytes with folded parts between them, and what they unfold to.
struct Sample {
  explicit Sample(int chunks) {
    for (int i = 0; i < chunks; ++i) {
      ListChunk chunk;
      while (chunk.bytes() < 8000) chunk.PushBack("element:" + std::to_string(i) + ":" + std::to_string(chunk.count()));
      unfolded += chunk.elements();
      if (i % 3 != 0) chunk.Compress();
      chunk.CopyTo(&folded);
      const std::string between(random.Below(30), 'b');
      folded.plain()->append(between);
      unfolded += between;
    }
  }

  Random random{7};
  FoldedBytes folded;
  std::string unfolded;
};

TEST(BlockCodec, FoldedPartsAreUnfoldedOnDecompression) {
  for (const auto& [chunks, codec] : {std::pair(1, Codec::kZstd), {5, Codec::kZstd}, {200, Codec::kFolded}}) {
    const Sample sample(chunks);
    ASSERT_EQ(sample.folded.has_folds(), chunks > 1);
    ASSERT_EQ(sample.folded.size(), sample.unfolded.size());
    std::string stored;
    ASSERT_EQ(BlockCompressor(1).Compress(sample.folded, &stored), codec) << chunks;
    std::string raw;
    ASSERT_TRUE(BlockDecompressor().Decompress(codec, stored, sample.unfolded.size(), &raw));
    EXPECT_TRUE(raw == sample.unfolded);
  }
}

TEST(BlockCodec, IncompressibleBlocksAreStored) {
  Random random(1);
  FoldedBytes noise;
  for (int i = 0; i < 1000; ++i) noise.plain()->push_back(static_cast<char>(random.Below(256)));
  std::string stored;
  EXPECT_EQ(BlockCompressor(1).Compress(noise, &stored), Codec::kStored);
  EXPECT_EQ(BlockCompressor(0).Compress(Sample(200).folded, &stored), Codec::kStored);
}

TEST(BlockCodec, DamageIsFoundBeforeMuchMemoryIsTaken) {
  const Sample sample(200);
  std::string stored;
  ASSERT_EQ(BlockCompressor(1).Compress(sample.folded, &stored), Codec::kFolded);
  std::string raw;
  BlockDecompressor decompressor;
  for (const size_t claimed : {size_t{0}, sample.unfolded.size() - 1, sample.unfolded.size() + 1, size_t{1} << 60}) {
    EXPECT_FALSE(decompressor.Decompress(Codec::kFolded, stored, claimed, &raw)) << claimed;
    EXPECT_FALSE(decompressor.Decompress(Codec::kZstd, stored, claimed, &raw)) << claimed;
  }
  EXPECT_FALSE(decompressor.Decompress(static_cast<Codec>(3), stored, sample.unfolded.size(), &raw));
}

TEST(BlockCodec, NoIndexOfFoldsReachesBeyondItsBytes) {
  const Sample sample(20);
  const std::string sound = std::string(sample.folded.stored()) + sample.folded.FoldIndex();
  const size_t size = sample.unfolded.size();
  std::string raw;
  ASSERT_TRUE(FoldedBytes::UnfoldAll(sound, size, &raw));
  ASSERT_TRUE(raw == sample.unfolded);
  for (size_t cut = 0; cut < 200; ++cut) {
    EXPECT_FALSE(FoldedBytes::UnfoldAll(std::string_view(sound).substr(0, cut), size, &raw));
    EXPECT_FALSE(FoldedBytes::UnfoldAll(std::string_view(sound).substr(0, sound.size() - 1 - cut), size, &raw));
  }
  Random random(3);
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = sound;
    const size_t behind = i % 2 == 0 ? 100 : damaged.size();  // half of them in the index
    damaged[damaged.size() - 1 - random.Below(behind)] ^= static_cast<char>(1 << random.Below(8));
    if (FoldedBytes::UnfoldAll(damaged, size, &raw)) {
      EXPECT_EQ(raw.size(), size);
    }
  }
}

}  // namespace
}  // namespace ringkv::test
