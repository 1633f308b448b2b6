// SPDX-License-Identifier: MIT
// The sources of the repository, and documents that are generated from them.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace ringkv::house {

namespace fs = std::filesystem;

inline fs::path Root() { return RINGKV_SOURCE; }

inline std::string Read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Source {
  std::string path;  // from the root
  std::string text;
};

inline std::vector<Source> Sources(const std::vector<std::string>& folders) {
  std::vector<Source> sources;
  for (const std::string& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(Root() / folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cc") continue;
      sources.push_back({fs::relative(entry.path(), Root()).string(), Read(entry.path())});
    }
  }
  return sources;
}

// The top-level folders whose sources the build knows as rooms.
inline std::vector<std::string> Rooms() {
  std::set<std::string> rooms;
  std::istringstream lines(Read(Root() / "CMakeLists.txt"));
  constexpr std::string_view kBegin = "house_room(";
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(kBegin)) continue;
    const std::string folder = line.substr(kBegin.size(), line.find_first_of(" )") - kBegin.size());
    rooms.insert(folder.substr(0, folder.find('/')));
  }
  return {rooms.begin(), rooms.end()};
}

inline bool Contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Compares a generated document with the file, or writes it.
inline void ExpectDocument(const fs::path& path, const std::string& expected) {
  if (std::getenv("RINGKV_UPDATE") != nullptr) {
    std::ofstream(path, std::ios::binary) << expected;
    return;
  }
  EXPECT_EQ(Read(path), expected) << path << " is stale: run house_test with RINGKV_UPDATE=1";
}

// The part of a file between two marker lines, replaced.
inline std::string WithPart(const std::string& text, const std::string& name, const std::string& part) {
  const std::string begin = "<!-- " + name + " begin -->\n";
  const std::string end = "<!-- " + name + " end -->";
  const size_t from = text.find(begin);
  const size_t to = text.find(end);
  EXPECT_NE(from, std::string::npos) << "no marker for " << name;
  EXPECT_NE(to, std::string::npos);
  if (from == std::string::npos || to == std::string::npos) return text;
  return text.substr(0, from + begin.size()) + part + text.substr(to);
}

}  // namespace ringkv::house
