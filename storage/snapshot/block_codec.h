// SPDX-License-Identifier: MIT
// Compression of blocks with zstd. Use one object per thread: it owns zstd's working memory.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/entry/folded_bytes.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;
struct ZSTD_outBuffer_s;

namespace ringkv::storage {

enum class Codec : uint8_t {
  kStored = 0,
  kZstd = 1,
  kFolded = 2,  // zstd over FoldedBytes: pieces that are compressed already are not unfolded, which is faster
};

class BlockCompressor {
 public:
  // `level` as zstd's; 0 makes Compress refuse, so that blocks are stored.
  explicit BlockCompressor(int level) : level_(level) {}
  ~BlockCompressor();
  // kStored if the result is not smaller; then the block has to be stored unfolded.
  Codec Compress(const FoldedBytes& raw, std::string* out);

 private:
  // Both, one behind the other.
  bool CompressBoth(std::string_view first, std::string_view second, std::string* out);
  bool CompressPart(std::string_view part, bool is_last, ZSTD_outBuffer_s* to);

  const int level_;
  ZSTD_CCtx_s* context_ = nullptr;  // since it was needed first
};

class BlockDecompressor {
 public:
  BlockDecompressor() = default;
  ~BlockDecompressor();
  // False if the bytes do not decompress to this size.
  bool Decompress(Codec codec, std::string_view stored, size_t raw_bytes, std::string* out);
  // The bytes of a block however it is stored: `stored` itself, or what it decompresses to, in `buffer`. Nothing as
  // above.
  std::optional<std::string_view> RawBytes(Codec codec, std::string_view stored, size_t raw_bytes, std::string* buffer);

 private:
  bool Expand(std::string_view stored, size_t most, std::string* out);

  ZSTD_DCtx_s* context_ = nullptr;  // since it was needed first
};

}  // namespace ringkv::storage
