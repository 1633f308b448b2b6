// SPDX-License-Identifier: MIT
#include "storage/snapshot/block_codec.h"

#include <zstd.h>

#include <algorithm>

namespace ringkv::storage {
namespace {

constexpr size_t kRoomAtFirst = 1 << 20;

}  // namespace

BlockCompressor::BlockCompressor(int level) : level_(level), context_(ZSTD_createCCtx()) {}

BlockCompressor::~BlockCompressor() { ZSTD_freeCCtx(context_); }

bool BlockCompressor::Compress(const FoldedBytes& raw, std::string* out) {
  if (level_ == 0) return false;
  // Most blocks end in room that has been there since the first; what unfolds to more begins with as much.
  out->resize(ZSTD_compressBound(std::min(raw.size(), kRoomAtFirst)));
  ZSTD_CCtx_reset(context_, ZSTD_reset_session_only);
  ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level_);
  ZSTD_CCtx_setPledgedSrcSize(context_, raw.size());
  ZSTD_outBuffer to{out->data(), out->size(), 0};
  bool ok = true;
  size_t left = raw.size();
  raw.ForEachPart([&](std::string_view part) {
    left -= part.size();
    ok = ok && CompressPart(part, left == 0, out, &to);
  });
  if (!ok || to.pos >= raw.size()) return false;
  out->resize(to.pos);
  return true;
}

bool BlockCompressor::CompressPart(std::string_view part, bool is_last, std::string* out, ZSTD_outBuffer_s* to) {
  ZSTD_inBuffer from{part.data(), part.size(), 0};
  for (;;) {
    const size_t left = ZSTD_compressStream2(context_, to, &from, is_last ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left) != 0) return false;
    if (is_last ? left == 0 : from.pos == from.size) return true;
    if (to->pos < to->size) continue;
    out->resize(2 * to->size);
    to->dst = out->data();
    to->size = out->size();
  }
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
