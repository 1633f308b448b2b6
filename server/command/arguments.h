// SPDX-License-Identifier: MIT
// The arguments of one call, with a cursor for reading options.
//
// Threads: confined; views into the request.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "resp/integer_text.h"
#include "server/base/text.h"

namespace ringkv::server {

class Arguments {
 public:
  using View = std::span<const std::string_view>;
  explicit Arguments(View argv, size_t next = 1) : argv_(argv), next_(next) {}

  size_t size() const { return argv_.size(); }
  std::string_view operator[](size_t i) const { return argv_[i]; }
  View all() const { return argv_; }

  // The cursor stands behind the command's name at first.
  bool AtEnd() const { return next_ >= argv_.size(); }
  size_t Left() const { return argv_.size() - next_; }
  std::string_view Next() { return argv_[next_++]; }
  std::string_view Peek() const { return argv_[next_]; }
  void Skip(size_t count) { next_ += count; }
  // Takes the next argument if it is this word, in whatever case.
  bool Take(std::string_view word) {
    if (AtEnd() || !EqualsIgnoringCase(argv_[next_], word)) return false;
    ++next_;
    return true;
  }
  // Takes a word only when at least one more argument stands behind it.
  bool TakeWithValue(std::string_view word) { return Left() >= 2 && Take(word); }

 private:
  View argv_;
  size_t next_;
};

}  // namespace ringkv::server
