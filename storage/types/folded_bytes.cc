// SPDX-License-Identifier: MIT
#include "storage/types/folded_bytes.h"

#include <lzf.h>

#include "storage/check.h"

namespace ringkv::storage {

void Unfold(std::string_view folded, char* to, size_t raw_bytes) {
  const unsigned made =
      lzf_decompress(folded.data(), static_cast<unsigned>(folded.size()), to, static_cast<unsigned>(raw_bytes));
  RINGKV_CHECK(made == raw_bytes);
}

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
  buffer->clear();
  buffer->reserve(size());
  ForEachPart([&](std::string_view part) { buffer->append(part); });
  return *buffer;
}

}  // namespace ringkv::storage
