// SPDX-License-Identifier: MIT
#include "storage/snapshot/block_codec.h"

#include <zstd.h>

namespace ringkv::storage {

BlockCompressor::BlockCompressor(int level) : level_(level), context_(ZSTD_createCCtx()) {}

BlockCompressor::~BlockCompressor() { ZSTD_freeCCtx(context_); }

bool BlockCompressor::Compress(std::string_view raw, std::string* out) {
  if (level_ == 0) return false;
  out->resize(ZSTD_compressBound(raw.size()));
  const size_t size = ZSTD_compressCCtx(context_, out->data(), out->size(), raw.data(), raw.size(), level_);
  if (ZSTD_isError(size) != 0 || size >= raw.size()) return false;
  out->resize(size);
  return true;
}

BlockDecompressor::BlockDecompressor() : context_(ZSTD_createDCtx()) {}

BlockDecompressor::~BlockDecompressor() { ZSTD_freeDCtx(context_); }

bool BlockDecompressor::Decompress(std::string_view stored, size_t raw_bytes, std::string* out) {
  // What the file says it holds must agree before so much memory is taken.
  if (ZSTD_getFrameContentSize(stored.data(), stored.size()) != raw_bytes) return false;
  out->resize(raw_bytes);
  return ZSTD_decompressDCtx(context_, out->data(), raw_bytes, stored.data(), stored.size()) == raw_bytes;
}

}  // namespace ringkv::storage
