// SPDX-License-Identifier: MIT
// The cases of tests/data/http: bytes, and the statuses that they are answered with. See the README there.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace ringkv::test {

struct HttpCase {
  std::string name;  // with its file's
  std::vector<int> statuses = {};
  bool closes = false;
  std::string bytes = {};
};

// Of one line of a file: escapes become bytes.
inline std::string HttpCaseBytes(const std::string& line) {
  std::string bytes;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\\') {
      bytes += line[i];
      continue;
    }
    switch (line[++i]) {
      case 'r': bytes += '\r'; break;
      case 'n': bytes += '\n'; break;
      case 't': bytes += '\t'; break;
      case 'x':
        bytes += static_cast<char>(std::strtol(line.substr(i + 1, 2).c_str(), nullptr, 16));
        i += 2;
        break;
      case '{': {
        const size_t end = line.find('}', i);
        bytes += std::string(static_cast<size_t>(std::atoi(line.c_str() + i + 1)), line[end - 1]);
        i = end;
        break;
      }
      default: bytes += line[i];
    }
  }
  return bytes;
}

inline std::vector<HttpCase> HttpCases(const std::filesystem::path& folder) {
  std::vector<HttpCase> cases;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".txt") continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with('#')) continue;
      if (line.starts_with("== ")) {
        cases.push_back({.name = entry.path().filename().string() + ": " + line.substr(3)});
      } else if (line.starts_with("> ")) {
        std::istringstream words(line.substr(2));
        for (std::string word; words >> word;) {
          word == "close" ? cases.back().closes = true
                          : (cases.back().statuses.push_back(std::atoi(word.c_str())), true);
        }
      } else {
        cases.back().bytes += HttpCaseBytes(line);
      }
    }
  }
  return cases;
}

}  // namespace ringkv::test
