// SPDX-License-Identifier: MIT
// Bytes with parts that are folded: compressed with LZF, like most chunks of a large list. So a list is copied as it is
// while its lock is held, and unfolded later, outside of the lock.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringkv::storage {

class FoldedBytes {
 public:
  // The buffer for appending unfolded bytes. Appended bytes must not change.
  std::string* plain() { return &bytes_; }
  void AppendFolded(std::string_view folded, uint32_t raw_bytes);

  bool has_folds() const { return !folds_.empty(); }
  // The unfolded size, and the memory in use.
  size_t size() const { return bytes_.size() + unfolding_adds_; }
  size_t capacity() const { return bytes_.capacity() + folds_.capacity() * sizeof(Fold); }
  void clear();

  // The unfolded bytes; `buffer` is used only if a part is folded.
  std::string_view Unfolded(std::string* buffer) const;

  // The bytes as they are, followed by the index of folded parts: the input of UnfoldAll.
  std::string_view stored() const { return bytes_; }
  std::string FoldIndex() const;
  // Unfolds untrusted bytes. False if they are invalid, or do not unfold to this size.
  static bool UnfoldAll(std::string_view stored_and_index, size_t raw_bytes, std::string* out);

 private:
  struct Fold {
    size_t begin;  // in bytes_
    uint32_t size;
    uint32_t raw_bytes;
  };

  std::string bytes_;
  std::vector<Fold> folds_;  // ascending
  size_t unfolding_adds_ = 0;
};

}  // namespace ringkv::storage
