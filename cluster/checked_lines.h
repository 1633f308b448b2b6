// SPDX-License-Identifier: MIT
// Small files of ours that are lines of text: a title first, a checksum last.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringkv::cluster {

// The text with the line of its checksum behind it.
std::string WithChecksum(std::string text);

class CheckedLines {
 public:
  // `title` is the first line, with its line feed. Nothing can be taken from a text that isn't whole.
  CheckedLines(std::string_view text, std::string_view title);

  bool is_whole() const { return is_whole_; }
  bool AtEnd() const { return left_.empty(); }
  // Takes the next line if it begins with `word`, and gives what stands behind it.
  bool Take(std::string_view word, std::string_view* rest);

 private:
  std::string_view left_;
  bool is_whole_ = false;
};

bool ParseNumber(std::string_view text, uint64_t* number);

}  // namespace ringkv::cluster
