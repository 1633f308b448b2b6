// SPDX-License-Identifier: MIT
#include "storage/entry/folded_bytes.h"

#include <algorithm>

#include "storage/base/byte_codec.h"
#include "storage/base/check.h"
#include "storage/entry/lzf.h"

namespace ringkv::storage {
namespace {

// Three bytes of LZF stand for 264 at most.
constexpr size_t kMostPerByte = 88;

}  // namespace

void FoldedBytes::AppendFolded(std::string_view folded, uint32_t raw_bytes) {
  RINGKV_CHECK(folded.size() <= raw_bytes);
  folds_.push_back({bytes_.size(), static_cast<uint32_t>(folded.size()), raw_bytes});
  bytes_.append(folded);
  unfolding_adds_ += raw_bytes - folded.size();
}

void FoldedBytes::clear() {
  bytes_.clear();
  folds_.clear();
  unfolding_adds_ = 0;
}

std::string_view FoldedBytes::Unfolded(std::string* buffer) const {
  if (!has_folds()) return bytes_;
  buffer->resize(size());
  char* to = buffer->data();
  size_t at = 0;
  for (const Fold& fold : folds_) {
    to = std::copy_n(bytes_.data() + at, fold.begin - at, to);
    RINGKV_CHECK(DecompressLzf(std::string_view(bytes_).substr(fold.begin, fold.size), to, fold.raw_bytes));
    to += fold.raw_bytes;
    at = fold.begin + fold.size;
  }
  std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(at), bytes_.end(), to);
  return *buffer;
}

std::string FoldedBytes::FoldIndex() const {
  std::string index;
  size_t at = 0;
  for (const Fold& fold : folds_) {
    PutVarint(&index, fold.begin - at);
    PutVarint(&index, fold.size);
    PutVarint(&index, fold.raw_bytes);
    at = fold.begin + fold.size;
  }
  PutFixed(&index, uint64_t{index.size()});
  return index;
}

bool FoldedBytes::UnfoldAll(std::string_view stored_and_index, size_t raw_bytes, std::string* out) {
  if (stored_and_index.size() < sizeof(uint64_t) || raw_bytes / kMostPerByte > stored_and_index.size()) return false;
  const size_t end = stored_and_index.size() - sizeof(uint64_t);
  const auto index_bytes = ByteReader(stored_and_index.substr(end)).Fixed<uint64_t>();
  if (index_bytes > end) return false;
  ByteReader bytes(stored_and_index.substr(0, end - index_bytes));
  ByteReader index(stored_and_index.substr(end - index_bytes, index_bytes));
  out->clear();
  out->reserve(raw_bytes);
  while (!index.AtEnd()) {
    out->append(bytes.Bytes(index.Varint()));
    const std::string_view folded = bytes.Bytes(index.Varint());
    const uint64_t unfolds_to = index.Varint();
    if (!index.ok() || !bytes.ok() || out->size() > raw_bytes || unfolds_to > raw_bytes - out->size()) return false;
    const size_t start = out->size();
    out->resize(start + unfolds_to);
    if (!DecompressLzf(folded, out->data() + start, unfolds_to)) return false;
  }
  out->append(bytes.rest());
  return out->size() == raw_bytes;
}

}  // namespace ringkv::storage
