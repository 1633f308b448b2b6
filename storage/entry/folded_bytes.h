// SPDX-License-Identifier: MIT
// Bytes of which parts may stand folded: compressed by LZF, as large lists keep most of theirs. So a list is copied out
// as it stands while its lock is held, and unfolded when nobody waits for that.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringkv::storage {

// `to` has room for the `raw_bytes` that it unfolds to. False if it doesn't.
bool Unfold(std::string_view folded, char* to, size_t raw_bytes);

class FoldedBytes {
 public:
  // To append to as it is. What was appended is not to be changed.
  std::string* plain() { return &bytes_; }
  void AppendFolded(std::string_view folded, uint32_t raw_bytes);

  bool has_folds() const { return !folds_.empty(); }
  // Of all that it unfolds to, and of the memory it takes.
  size_t size() const { return bytes_.size() + unfolding_adds_; }
  size_t capacity() const { return bytes_.capacity() + folds_.capacity() * sizeof(Fold); }
  void clear();

  // The whole; the buffer is only used if something is folded.
  std::string_view Unfolded(std::string* buffer) const;

  // As it stands, and behind it which parts are folded: together what UnfoldAll reads.
  std::string_view stored() const { return bytes_; }
  std::string FoldIndex() const;
  // Of bytes from outside. False if they are not that, or don't unfold to so many bytes.
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
