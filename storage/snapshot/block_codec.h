// SPDX-License-Identifier: MIT
// Compression of blocks, with zstd. One object a thread: it keeps zstd's working memory.
//
// Threads: confined.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "storage/types/folded_bytes.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;
struct ZSTD_outBuffer_s;

namespace ringkv::storage {

class BlockCompressor {
 public:
  // `level` as zstd's; 0 makes Compress refuse, so that blocks are stored.
  explicit BlockCompressor(int level);
  ~BlockCompressor();
  // False if it didn't get smaller: then the block is stored as it is.
  bool Compress(const FoldedBytes& raw, std::string* out);

 private:
  bool CompressPart(std::string_view part, bool is_last, std::string* out, ZSTD_outBuffer_s* to);

  const int level_;
  ZSTD_CCtx_s* const context_;
};

class BlockDecompressor {
 public:
  BlockDecompressor();
  ~BlockDecompressor();
  // False if that isn't what comes out.
  bool Decompress(std::string_view stored, size_t raw_bytes, std::string* out);

 private:
  ZSTD_DCtx_s* const context_;
};

}  // namespace ringkv::storage
