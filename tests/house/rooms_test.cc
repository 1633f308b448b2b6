// SPDX-License-Identifier: MIT
// The rooms: what each may include, on no circle, and as the architecture page has them.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/house/sources.h"

namespace ringkv::house {
namespace {

// As CMakeLists.txt has it: house_room(folder DEPENDS ... INSIDE ... SOURCES ...), with comment lines above.
struct Room {
  std::string folder;
  std::string purpose;
  std::set<std::string> depends;
  std::set<std::string> inside;  // which who depends on this room does not see
};

std::vector<Room> RoomsOf(const std::string& above) {
  std::vector<Room> rooms;
  std::istringstream lines(Read(Root() / "CMakeLists.txt"));
  std::string purpose;
  bool is_open = false;
  std::set<std::string>* to = nullptr;  // a list goes on in the next line
  for (std::string line; std::getline(lines, line);) {
    constexpr std::string_view kBegin = "house_room(";
    if (line.starts_with("# ")) {
      purpose += (purpose.empty() ? "" : " ") + line.substr(2);
      continue;
    }
    if (line.starts_with(kBegin)) {
      is_open = true;
      to = nullptr;
      line.erase(0, kBegin.size());
      rooms.push_back({line.substr(0, line.find_first_of(" )")), purpose, {}, {}});
    }
    purpose.clear();
    if (!is_open) continue;
    is_open = line.find(')') == std::string::npos;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      if (word == "DEPENDS") {
        to = &rooms.back().depends;
      } else if (word == "INSIDE") {
        to = &rooms.back().inside;
      } else if (word == "SOURCES" || word == "HEADERS") {
        to = nullptr;
      } else if (to != nullptr) {
        to->insert(word.substr(0, word.find(')')));
      }
    }
  }
  std::erase_if(rooms, [&](const Room& room) { return !room.folder.starts_with(above + "/"); });
  return rooms;
}

// The files of ours that a source includes.
std::vector<std::string> Includes(const Source& source) {
  static const std::regex include("#include \"([a-z_]+/[^\"]+)\"");
  std::vector<std::string> found;
  for (auto it = std::sregex_iterator(source.text.begin(), source.text.end(), include); it != std::sregex_iterator();
       ++it) {
    found.push_back((*it)[1]);
  }
  return found;
}

std::string FolderOf(const std::string& path) { return fs::path(path).parent_path().string(); }

// The room of a file: a sub-folder of storage/ or server/, else the top-level folder.
std::string RoomOf(const std::string& path) {
  const std::string top = path.substr(0, path.find('/'));
  return top == "storage" || top == "server" ? FolderOf(path) : top;
}

// So that lint and the tests here, which look at rooms, look at all sources.
TEST(House, EveryFolderWithSourcesIsARoom) {
  std::set<std::string> known = {"bench", "tests"};
  const std::vector<std::string> rooms = Rooms();
  known.insert(rooms.begin(), rooms.end());
  for (const auto& entry : fs::directory_iterator(Root())) {
    const std::string name = entry.path().filename().string();
    const bool is_build = fs::exists(entry.path() / "CMakeCache.txt");
    if (!entry.is_directory() || is_build || name.starts_with(".") || known.contains(name)) continue;
    EXPECT_TRUE(Sources({name}).empty()) << name;
  }
}

TEST(House, ARoomNamesTheRoomsThatItIncludes) {
  for (const std::string above : {"storage", "server"}) {
    const std::vector<Room> rooms = RoomsOf(above);
    ASSERT_GT(rooms.size(), 10u);
    std::map<std::string, std::set<std::string>> included;
    for (const Source& source : Sources({above})) {
      if (source.path == "server/main/main.cc") continue;  // the program: no other room sees it
      for (const std::string& path : Includes(source)) {
        if (FolderOf(path) == FolderOf(source.path)) continue;
        const std::string room = RoomOf(path);
        // Rooms of another folder are named as a whole.
        included[FolderOf(source.path)].insert(room.starts_with(above) ? room : room.substr(0, room.find('/')));
      }
    }
    std::set<std::string> folders;
    for (const Room& room : rooms) {
      folders.insert(room.folder);
      std::set<std::string> named = room.depends;
      named.insert(room.inside.begin(), room.inside.end());
      EXPECT_EQ(named, included[room.folder]) << room.folder;
    }
    for (const auto& [folder, others] : included) EXPECT_TRUE(folders.contains(folder)) << folder << " is no room";
  }
}

// What stands in the page for the rooms of a folder, with the rooms above that they depend on.
void ExpectRoomsOnTheArchitecturePage(const std::string& above) {
  const auto short_names = [&](const std::set<std::string>& folders) {
    std::string names;
    for (const std::string& folder : folders) {
      if (folder.starts_with(above + "/")) names += (names.empty() ? "" : ", ") + folder.substr(above.size() + 1);
    }
    return names;
  };
  const std::vector<Room> rooms = RoomsOf(above);
  const bool has_inside =
      std::any_of(rooms.begin(), rooms.end(), [](const Room& room) { return !room.inside.empty(); });
  std::string rows = "| `" + above + "/` | what | depends on |" +
                     (has_inside ? " inside |\n|---|---|---|---|\n" : "\n|---|---|---|\n");
  for (const Room& room : rooms) {
    rows += "| `" + room.folder + "/` | " + room.purpose + " | " + short_names(room.depends) +
            (has_inside ? " | " + short_names(room.inside) : "") + " |\n";
  }
  const fs::path page = Root() / "docs/architecture.md";
  ExpectDocument(page, WithPart(Read(page), "rooms of the " + above, rows));
}

TEST(House, TheArchitecturePageHasTheRoomsOfTheStorageAndOfTheServer) {
  ExpectRoomsOnTheArchitecturePage("storage");
  ExpectRoomsOnTheArchitecturePage("server");
}

// Files or folders by what they include, each a node: those that reach themselves.
std::set<std::string> OnACircle(const std::map<std::string, std::set<std::string>>& arrows) {
  std::set<std::string> circular;
  for (const auto& [start, first] : arrows) {
    std::set<std::string> seen;
    std::vector<std::string> left(first.begin(), first.end());
    while (!left.empty()) {
      const std::string node = left.back();
      left.pop_back();
      if (!seen.insert(node).second) continue;
      const auto next = arrows.find(node);
      if (next != arrows.end()) left.insert(left.end(), next->second.begin(), next->second.end());
    }
    if (seen.contains(start)) circular.insert(start);
  }
  return circular;
}

TEST(House, NoFolderAndNoFileStandsOnACircle) {
  std::map<std::string, std::set<std::string>> folders;
  std::map<std::string, std::set<std::string>> units;  // a header and its source are one
  const auto unit_of = [](const std::string& path) { return path.substr(0, path.rfind('.')); };
  for (const Source& source : Sources(Rooms())) {
    for (const std::string& path : Includes(source)) {
      if (FolderOf(path) != FolderOf(source.path)) folders[FolderOf(source.path)].insert(FolderOf(path));
      if (unit_of(path) != unit_of(source.path)) units[unit_of(source.path)].insert(unit_of(path));
    }
  }
  EXPECT_EQ(OnACircle(folders), std::set<std::string>());
  EXPECT_EQ(OnACircle(units), std::set<std::string>());
}

TEST(House, OnlyTablesKeyspaceAndTransactionsChangeEntries) {
  const std::set<std::string> may = {"storage/edit", "storage/table", "storage/keyspace", "storage/transaction"};
  for (const Source& source : Sources(Rooms())) {
    if (may.contains(FolderOf(source.path))) continue;
    EXPECT_FALSE(Contains(source.text, "mutable_entry.h")) << source.path;
    EXPECT_FALSE(Contains(source.text, "MutableEntry::")) << source.path;
  }
}

// What knows all parts of a server: the program, the network, and commands that administer a server.
TEST(House, OnlyProgramNetworkAndCommandsSeeTheWholeServer) {
  const std::set<std::string> may = {"server/composition", "server/commands", "server/net", "server/main"};
  for (const Source& source : Sources(Rooms())) {
    const bool sees = Contains(source.text, "#include \"server/composition/server.h\"");
    EXPECT_TRUE(!sees || may.contains(FolderOf(source.path))) << source.path;
    // A handler of data commands gets no server, so its family needs none.
    EXPECT_TRUE(!sees || FolderOf(source.path) != "server/commands" || Contains(source.text, "AdminCall"))
        << source.path;
  }
}

}  // namespace
}  // namespace ringkv::house
