// SPDX-License-Identifier: MIT
// Many texts, one after the other in one allocation.
//
// Threads: confined.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ringkv::storage {

class TextList {
 public:
  size_t size() const { return ends_.size(); }
  bool empty() const { return ends_.empty(); }
  // Of all texts together.
  size_t bytes() const { return bytes_.size(); }
  // Valid until the next one is added.
  std::string_view operator[](size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return {bytes_.data() + begin, ends_[i] - begin};
  }

  void Reserve(size_t texts) { ends_.reserve(texts); }
  void Add(std::string_view text) {
    bytes_.append(text);
    ends_.push_back(bytes_.size());
  }

 private:
  std::string bytes_;
  std::vector<size_t> ends_;
};

}  // namespace ringkv::storage
