// SPDX-License-Identifier: MIT
// Examples in the documents of formats, which tests read, so that they can't be stale.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace ringkv::test {

inline std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The document's example, as bytes; with RINGKV_UPDATE set, what it should be is written there first.
inline std::string ExampleIn(const std::string& name, const std::string& expected) {
  const std::string path = RINGKV_SOURCE "/docs/formats/" + name;
  std::string text = ReadText(path);
  const std::string fence = "```hex\n";
  const size_t start = text.find(fence) + fence.size();
  const size_t end = text.find("```", start);
  if (std::getenv("RINGKV_UPDATE") != nullptr) {
    std::ostringstream hex;
    for (size_t i = 0; i < expected.size(); ++i) {
      char digits[4];
      std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(expected[i]));
      hex << digits << (i % 16 == 15 || i + 1 == expected.size() ? "\n" : " ");
    }
    text.replace(start, end - start, hex.str());
    std::ofstream(path, std::ios::binary) << text;
    return expected;
  }
  std::istringstream digits(text.substr(start, end - start));
  std::string bytes;
  for (std::string pair; digits >> pair;) bytes += static_cast<char>(std::stoi(pair, nullptr, 16));
  return bytes;
}

}  // namespace ringkv::test
