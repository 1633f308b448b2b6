// SPDX-License-Identifier: MIT
// Rules of the house that a machine can hold: documents that can't be stale, words that must not come in.
// With RINGKV_UPDATE=1 in the environment the generated documents are written instead of compared.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "server/command/command_docs.h"
#include "server/command/command_table.h"
#include "server/commands/families.h"
#include "server/options/option_table.h"
#include "tests/house/sources.h"

namespace ringkv::server {
namespace {

namespace fs = std::filesystem;
using house::Contains;
using house::ExpectDocument;
using house::Read;
using house::Rooms;
using house::Root;
using house::Source;
using house::Sources;
using house::WithPart;

std::string EscapeBars(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

TEST(House, TheReadmeListsTheCommandsOfTheTable) {
  const CommandTable table(AllCommands());
  std::map<std::string, std::string> groups;
  for (const CommandEntry* entry : table.top_level()) {
    std::string& names = groups[std::string(GroupName(entry->row->group))];
    names += (names.empty() ? "" : " ") + std::string("`") + UpperCase(entry->row->name) + "`";
    if (!entry->row->is_container) continue;
    names += " (";
    for (size_t i = 0; i < entry->subcommands.size(); ++i) {
      names += (i > 0 ? " " : "") + UpperCase(entry->subcommands[i]->row->name);
    }
    names += ")";
  }
  std::string rows = "| group | commands |\n|---|---|\n";
  for (const auto& [group, names] : groups) rows += "| " + group + " | " + names + " |\n";
  ExpectDocument(Root() / "README.md", WithPart(Read(Root() / "README.md"), "commands", rows));
}

TEST(House, TheCommandReferenceMatchesTheRows) {
  const CommandTable table(AllCommands());
  std::string page = "| command | arguments | description | since | cost |\n|---|---|---|---|---|\n";
  for (size_t i = 0; i < table.size(); ++i) {
    const Command& row = *table.entry(i).row;
    if (row.is_container) continue;
    const std::string name =
        row.parent.empty() ? UpperCase(row.name) : UpperCase(row.parent) + " " + UpperCase(row.name);
    const std::string since = std::string(row.since) + (row.history.empty() ? "" : "; " + std::string(row.history));
    page += "| `" + name + "` | " + (row.syntax.empty() ? "" : "`" + EscapeBars(std::string(row.syntax)) + "`") +
            " | " + std::string(row.summary) + " | " + since + " | " + EscapeBars(std::string(row.complexity)) + " |\n";
  }
  ExpectDocument(Root() / "docs/commands.md", WithPart(Read(Root() / "docs/commands.md"), "commands", page));
}

// As roff shows it: no line begins a request, and no hyphen becomes another character.
std::string ForRoff(std::string_view text) {
  std::string escaped = text.starts_with('.') || text.starts_with('\'') ? "\\&" : "";
  for (const char c : text) {
    if (c == '-' || c == '\\') escaped += '\\';
    escaped += c == '\\' ? 'e' : c;
  }
  return escaped;
}

TEST(House, TheManPageOfTheServerMatchesTheRows) {
  std::string page =
      ".\\\" Generated from the option rows; a test holds it.\n"
      ".TH RINGKV\\-SERVER 1 \"\" \"RingKV\" \"RingKV\"\n.SH NAME\n"
      "ringkv\\-server \\- key\\-value server that speaks the Redis protocol\n.SH SYNOPSIS\n.B ringkv\\-server\n"
      "[\\fIfile\\fR] [\\fB\\-\\fR] [\\fB\\-\\-option\\fR \\fIvalue\\fR ...]\n.SH DESCRIPTION\n"
      "In\\-memory key\\-value server for clients of Redis. The file has the syntax of redis.conf;\n.B \\-\n"
      "reads it from standard input. Options of the command line override the file. Each option may be set in the "
      "environment too:\n"
      "RINGKV_MAXMEMORY=1gb for maxmemory. CONFIG SET changes options marked with *.\n.SH OPTIONS\n";
  std::string idle;
  for (const OptionRow& row : OptionRows()) {
    if (KindOf(row) != OptionKind::kActs) {
      idle += (idle.empty() ? "" : ", ") + ForRoff(row.name);
      continue;
    }
    page += ".TP\n.B \\-\\-" + ForRoff(row.name) + (row.changeable ? " *" : "") + "\n" + ForRoff(row.summary) + "\n";
    if (!row.choices.empty()) page += "One of: " + ForRoff(row.choices) + ".\n";
    if (!row.default_value.empty()) page += "Default: " + ForRoff(row.default_value) + ".\n";
  }
  page += ".SH OPTIONS WITHOUT AN EFFECT\nKnown, so that configurations of Redis can be used:\n" + idle + ".\n";
  page +=
      ".SH SIGNALS\n.TP\n.B SIGTERM, SIGINT\nShuts the server down; makes a snapshot if save points are set.\n.TP\n"
      ".B SIGHUP\nReopens the log file; in a cluster, reloads the cluster\\-config.\n.SH SEE ALSO\n"
      ".BR ringkv\\-check (1),\n.BR ringkv\\-cluster (1)\n";
  ExpectDocument(Root() / "docs/man/ringkv-server.1", page);
}

TEST(House, TheCompletionKnowsEveryOption) {
  std::string options;
  std::string choices;
  for (const OptionRow& row : OptionRows()) {
    options += " --" + std::string(row.name);
    const std::string values = row.type == OptionType::kBoolean ? "yes no" : std::string(row.choices);
    if (!values.empty()) choices += "    --" + std::string(row.name) + ") values=\"" + values + "\" ;;\n";
  }
  const std::string script =
      "# SPDX-License-Identifier: MIT\n# Completion for bash. Generated from the option rows; a test holds it.\n"
      "_ringkv_server() {\n  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} values=\n"
      "  case $before in\n" +
      choices +
      "    --dir|--logfile|--pidfile|--unixsocket|--cluster-config|--load-file|--load-rdb|--load-aof|--aclfile)\n"
      "      mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return ;;\n  esac\n"
      "  if [ -n \"$values\" ]; then\n    mapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$word\")\n"
      "  elif [[ $word == -* ]]; then\n    mapfile -t COMPREPLY < <(compgen -W \"--help --version" +
      options +
      "\" -- \"$word\")\n  else\n    mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n  fi\n}\n"
      "complete -F _ringkv_server ringkv-server\n";
  ExpectDocument(Root() / "deploy/completion/ringkv.bash", script);
}

std::string_view EffectOf(const OptionRow& row) {
  switch (KindOf(row)) {
    case OptionKind::kActs: return "acts";
    case OptionKind::kIdle: return "none here";
    case OptionKind::kRefused: return "default only";
  }
  return "";
}

TEST(House, TheOptionReferenceMatchesTheRows) {
  std::string page =
      "# Options\n\nGenerated from the option rows; house_test compares them. Set an option in the file (`name "
      "value`), on the "
      "command line (`--name value`), in the environment (`RINGKV_NAME=value`), or at run time with `CONFIG SET name "
      "value` if the third column says yes.\n\n"
      "The fourth column tells the effect. Every option of Redis 7 is known, so that its configurations can be "
      "used:\n\n"
      "- **acts**: it does what its description says.\n"
      "- **none here**: there is nothing for it to act on. Each value that Redis takes is taken and kept for `CONFIG "
      "GET`, `SET` and `REWRITE`; a line of the log names these options at the start.\n"
      "- **default only**: another value would promise what is not done here. It is refused, with a line that says "
      "what "
      "to use instead.\n\n"
      "`include FILE` reads another file, or all that match a pattern; `rename-command NAME NEW` renames a command, or "
      "removes it if `NEW` is `\"\"`. `user NAME RULE ...` makes a user, by the rules of `ACL SETUSER`. "
      "`loadmodule` and `sentinel` are refused.\n\n"
      "| option | default | at run time | effect | description |\n|---|---|---|---|---|\n";
  for (const OptionRow& row : OptionRows()) {
    page += "| `" + std::string(row.name) + "` | `" +
            (row.default_value.empty() ? "\"\"" : std::string(row.default_value)) + "` | " +
            (row.changeable ? "yes" : "no") + " | " + std::string(EffectOf(row)) + " | " +
            EscapeBars(std::string(row.summary)) +
            (row.choices.empty() ? "" : " One of: `" + std::string(row.choices) + "`.") + " |\n";
  }
  ExpectDocument(Root() / "docs/configuration.md", page);
}

TEST(House, EveryCommandHasATranscript) {
  const CommandTable table(AllCommands());
  std::string transcripts;
  for (const auto& entry : fs::directory_iterator(Root() / "compat/transcripts")) {
    transcripts += "\n" + UpperCase(Read(entry.path()));
  }
  for (size_t i = 0; i < table.size(); ++i) {
    const Command& row = *table.entry(i).row;
    if (row.is_container) continue;
    const std::string name =
        row.parent.empty() ? UpperCase(row.name) : UpperCase(row.parent) + " " + UpperCase(row.name);
    EXPECT_TRUE(Contains(transcripts, "\n> " + name + "\n") || Contains(transcripts, "\n> " + name + " ")) << name;
  }
}

// What a command is, its row says; a comparison of names is a second table beside it. Fields of JSON and the like may
// be called like a command.
TEST(House, NoCodeAsksForACommandByName) {
  const CommandTable table(AllCommands());
  const std::regex comparison(
      "((row|command|entry)(->|\\.)name|full_name|\\[0\\])(\\s*[!=]=\\s*|,\\s*)\"([A-Za-z_|-]+)\"|"
      "Find(Full)?Name\\(()()\"([A-Za-z_|-]+)\"");
  for (const Source& source : Sources({"server"})) {
    for (auto it = std::sregex_iterator(source.text.begin(), source.text.end(), comparison);
         it != std::sregex_iterator(); ++it) {
      const std::string name = (*it)[5].matched ? (*it)[5].str() : (*it)[9].str();
      EXPECT_EQ(table.FindFullName(name), nullptr) << source.path << ": " << it->str();
    }
  }
}

TEST(House, OnlyTheNetworkSeesAsio) {
  for (const Source& source : Sources(Rooms())) {
    if (source.path.rfind("server/net/", 0) == 0) continue;
    EXPECT_FALSE(Contains(source.text, "#include <asio")) << source.path;
  }
}

// Time, chance and the disk come in through interfaces of storage/base/ and storage/disk/.
TEST(House, TheWorldComesInThroughSeams) {
  const std::multimap<std::string, std::string> allowed = {
      // Waits of condition variables, whose deadlines are points in time of the system's clock.
      {"_clock::now(", "server/cluster/slot_moves.cc"},
      {"_clock::now(", "server/migration/redis_link.cc"},
      {"_clock::now(", "server/replication/failover.cc"},
      {"_clock::now(", "server/replication/primary_link.cc"},
      {"_clock::now(", "server/scripts/long_run_thread.cc"},
      {"_clock::now(", "server/sentinel/shard_watch.cc"},
      {"_clock::now(", "storage/log/log_buffer.cc"},
      {"_clock::now(", "server/coordinator/topology_thread.cc"},
      {"_clock::now(", "server/execution/long_work.cc"},
      {"clock_gettime(", "server/observe/tick_clock.h"},  // the rate of the processor's counter, for statistics
      {"clock_gettime(", "storage/base/work_clock.h"},
      {"ReadWorkClock(", "storage/base/work_clock.h"},
      {"ReadWorkClock(", "storage/snapshot/pace.cc"},   // the CPU time of the thread
      {"ReadWorkClock(", "server/net/spreader.cc"},     // likewise
      {"ReadWorkClock(", "server/base/scheduling.cc"},  // likewise
  };
  const auto is_allowed = [&](const std::string& word, const std::string& path) {
    const auto [begin, end] = allowed.equal_range(word);
    return std::any_of(begin, end, [&](const auto& each) { return each.second == path; });
  };
  const std::vector<std::string> banned = {"PosixFileSystem", "SystemClock",     "SystemChance", "random_device",
                                           "chdir(",          "SeedFromSystem(", "_clock::now(", "clock_gettime(",
                                           "gettimeofday(",   "ReadWorkClock("};
  for (const Source& source : Sources({"server", "cluster", "storage"})) {
    const bool is_seam = source.path == "server/main/main.cc" || source.path.starts_with("storage/disk/posix") ||
                         source.path.starts_with("storage/base/clock.") || source.path == "storage/base/random.h";
    if (is_seam) continue;
    for (const std::string& word : banned) {
      if (is_allowed(word, source.path)) continue;
      EXPECT_FALSE(Contains(source.text, word)) << source.path << ": " << word;
    }
  }
}

// What the protocols between nodes decide depends on the bytes and the time that they are given, and on nothing else.
TEST(House, LinksAreStateMachines) {
  const std::vector<std::string> banned = {
      "<thread>",   "<mutex>",     "<condition_variable>", "<atomic>",  "<chrono>", "<fstream>",
      "<poll.h>",   "<sys/",       "<unistd.h>",           "<netdb.h>", "sleep",    "Mutex",
      "PeerSocket", "thread_local"};
  for (const Source& source : Sources({"cluster"})) {
    for (const std::string& word : banned) EXPECT_FALSE(Contains(source.text, word)) << source.path << ": " << word;
  }
}

// Hash tables of texts whose arguments name no SeededHash.
std::vector<std::string> TablesWithoutASeed(const std::string& text) {
  std::vector<std::string> found;
  static const std::regex table("unordered_(multi)?(map|set)<std::string(_view)?\\b");
  for (auto it = std::sregex_iterator(text.begin(), text.end(), table); it != std::sregex_iterator(); ++it) {
    const auto begin = static_cast<size_t>(it->position());
    size_t end = text.find('<', begin);
    for (int depth = 0; end < text.size(); ++end) {
      depth += text[end] == '<' ? 1 : text[end] == '>' ? -1 : 0;
      if (depth == 0) break;
    }
    const std::string type = text.substr(begin, end + 1 - begin);
    if (!Contains(type, "SeededHash")) found.push_back(type);
  }
  return found;
}

TEST(House, HashTablesOfTextsAreSeeded) {
  EXPECT_EQ(TablesWithoutASeed("std::unordered_map<std::string, std::vector<int>> a;").size(), 1u);
  EXPECT_EQ(TablesWithoutASeed("std::unordered_set<std::string_view> a;").size(), 1u);
  EXPECT_EQ(TablesWithoutASeed("std::unordered_map<std::string, std::vector<int>, SeededHash> a;").size(), 0u);
  for (const Source& source : Sources(Rooms())) {
    for (const std::string& type : TablesWithoutASeed(source.text)) {
      ADD_FAILURE() << source.path << ": " << type
                    << ": clients choose names that meet in one bucket of it; storage/base/seeded_hash.h";
    }
  }
}

TEST(House, WordsThatMustNotComeIn) {
  struct Banned {
    std::regex pattern;
    std::string reason;
  };
  const auto flags = std::regex::ECMAScript | std::regex::optimize;
  const std::vector<Banned> banned = {
      {std::regex(R"(\b(TODO|FIXME|XXX)\b)", flags), "an unfinished thought does not belong into main"},
      {std::regex(R"(\busing namespace\b)", flags), "names should say where they come from"},
      {std::regex(R"(\bs?rand\s*\()", flags), "chance comes in through storage/base/random.h"},
      {std::regex(R"(std::regex)", flags), "it can take exponential time"},
      {std::regex(R"(catch \(\.\.\.\))", flags), "it hides what went wrong"},
      {std::regex(R"(std::hash<)", flags), "clients choose names that collide; storage/base/seeded_hash.h"},
      {std::regex(R"(\bfriend class\b)", flags), "a door that only one knows is no door"},
  };
  for (const Source& source : Sources(Rooms())) {
    for (const Banned& each : banned) {
      EXPECT_FALSE(std::regex_search(source.text, each.pattern)) << source.path << ": " << each.reason;
    }
  }
}

std::vector<Source> AllSources() {
  std::vector<std::string> folders = Rooms();
  folders.insert(folders.end(), {"bench", "tests"});
  return Sources(folders);
}

TEST(House, EverySourceOpensWithItsLicenceAndEveryHeaderWithAReason) {
  const std::string licence = "// SPDX-License-Identifier: MIT\n";
  for (const Source& source : AllSources()) {
    EXPECT_TRUE(source.text.starts_with(licence)) << source.path;
    EXPECT_TRUE(!source.path.ends_with(".h") || source.text.starts_with(licence + "// ")) << source.path;
  }
}

void AddFiles(const fs::path& folder, const std::string& extension, std::vector<Source>& files) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().string();
    const bool is_ours = path.find("/node_modules/") == std::string::npos;  // what a test installs there is not
    if (!is_ours || !entry.is_regular_file() || !path.ends_with(extension)) continue;
    files.push_back({fs::relative(entry.path(), Root()).string(), Read(entry.path())});
  }
}

TEST(House, LinesOfSourcesAndBuildFilesHaveAtMost120Characters) {
  std::vector<Source> files = AllSources();
  AddFiles(Root() / "compat", ".py", files);
  AddFiles(Root() / "bench", ".py", files);
  AddFiles(Root() / "cmake", "", files);
  for (const std::string path : {"CMakeLists.txt", "tests/CMakeLists.txt", "tests/fuzz/CMakeLists.txt"}) {
    files.push_back({path, Read(Root() / path)});
    EXPECT_FALSE(files.back().text.empty()) << path;
  }
  for (const Source& file : files) {
    std::istringstream lines(file.text);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
      ++number;
      EXPECT_LE(line.size(), 120u) << file.path << ":" << number;
    }
  }
}

TEST(House, TheArchitecturePageNamesFilesThatExist) {
  const std::string page = Read(Root() / "docs/architecture.md");
  ASSERT_FALSE(page.empty());
  const std::regex name("`([a-z_]+/[a-z_/.]+)`");
  for (auto it = std::sregex_iterator(page.begin(), page.end(), name); it != std::sregex_iterator(); ++it) {
    const std::string path = (*it)[1];
    EXPECT_TRUE(fs::exists(Root() / path) || fs::exists(Root() / (path + ".h"))) << path;
  }
}

}  // namespace
}  // namespace ringkv::server
