// SPDX-License-Identifier: MIT
// Small text files with a title line first and a checksum line last.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringkv::cluster {

// The text, followed by the line with its checksum.
std::string WithChecksum(std::string text);

class CheckedLines {
 public:
  // `title` is the expected first line, with its line feed. A text with a wrong title or checksum yields no lines.
  CheckedLines(std::string_view text, std::string_view title);

  bool is_whole() const { return is_whole_; }
  bool AtEnd() const { return left_.empty(); }
  // Consumes the next line if it begins with `word`, and returns the rest of the line.
  bool Take(std::string_view word, std::string_view* rest);

 private:
  std::string_view left_;
  bool is_whole_ = false;
};

bool ParseNumber(std::string_view text, uint64_t* number);

}  // namespace ringkv::cluster
