// SPDX-License-Identifier: MIT
#include "storage/snapshot/block_codec.h"

#include <zstd.h>

namespace ringkv::storage {
namespace {

// Below it is quick to unfold, and the file gets smaller.
constexpr size_t kLeastFolded = 1 << 20;

}  // namespace

BlockCompressor::~BlockCompressor() { ZSTD_freeCCtx(context_); }

Codec BlockCompressor::Compress(const FoldedBytes& raw, std::string* out) {
  if (level_ == 0) return Codec::kStored;
  const bool stays_folded = raw.has_folds() && raw.size() >= kLeastFolded;
  std::string unfolded;
  const bool ok =
      stays_folded ? CompressBoth(raw.stored(), raw.FoldIndex(), out) : CompressBoth(raw.Unfolded(&unfolded), {}, out);
  if (!ok || out->size() >= raw.size()) return Codec::kStored;
  return stays_folded ? Codec::kFolded : Codec::kZstd;
}

bool BlockCompressor::CompressBoth(std::string_view first, std::string_view second, std::string* out) {
  const size_t size = first.size() + second.size();
  out->resize(ZSTD_compressBound(size));
  if (context_ == nullptr) context_ = ZSTD_createCCtx();
  ZSTD_CCtx_reset(context_, ZSTD_reset_session_only);
  ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level_);
  ZSTD_CCtx_setPledgedSrcSize(context_, size);
  ZSTD_outBuffer to{out->data(), out->size(), 0};
  if (!CompressPart(first, second.empty(), &to) || (!second.empty() && !CompressPart(second, true, &to))) return false;
  out->resize(to.pos);
  return true;
}

// There must be room for it.
bool BlockCompressor::CompressPart(std::string_view part, bool is_last, ZSTD_outBuffer_s* to) {
  ZSTD_inBuffer from{part.data(), part.size(), 0};
  size_t left;
  do {
    left = ZSTD_compressStream2(context_, to, &from, is_last ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left) != 0) return false;
  } while (is_last ? left > 0 : from.pos < from.size);
  return true;
}

BlockDecompressor::~BlockDecompressor() { ZSTD_freeDCtx(context_); }

bool BlockDecompressor::Decompress(Codec codec, std::string_view stored, size_t raw_bytes, std::string* out) {
  if (codec == Codec::kZstd) return Expand(stored, raw_bytes, out) && out->size() == raw_bytes;
  // Folded bytes are fewer than raw bytes, and their index is smaller still.
  std::string folded;
  return codec == Codec::kFolded && Expand(stored, 2 * raw_bytes, &folded) &&
         FoldedBytes::UnfoldAll(folded, raw_bytes, out);
}

std::optional<std::string_view> BlockDecompressor::RawBytes(Codec codec, std::string_view stored, size_t raw_bytes,
                                                            std::string* buffer) {
  if (codec == Codec::kStored) return stored;
  if (!Decompress(codec, stored, raw_bytes, buffer)) return std::nullopt;
  return *buffer;
}

bool BlockDecompressor::Expand(std::string_view stored, size_t most, std::string* out) {
  // Checks the claimed size before memory is allocated for it; zstd returns errors as large numbers.
  const unsigned long long size = ZSTD_getFrameContentSize(stored.data(), stored.size());
  if (size > most) return false;
  out->resize(size);
  if (context_ == nullptr) context_ = ZSTD_createDCtx();
  return ZSTD_decompressDCtx(context_, out->data(), size, stored.data(), stored.size()) == size;
}

}  // namespace ringkv::storage
