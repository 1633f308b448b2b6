// SPDX-License-Identifier: MIT
#include "server/options/config_reader.h"

#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "server/base/text.h"
#include "server/options/config_line.h"
#include "server/options/option_table.h"

namespace ringkv::server {
namespace {

constexpr int kDeepestInclude = 16;

using storage::Fail;
using storage::Result;
using LineWords = std::vector<std::string>;

// The known name that is closest in spelling, for an error that helps.
std::string ClosestName(std::string_view name) {
  std::string best;
  size_t best_distance = 4;
  for (const OptionRow& row : OptionRows()) {
    // Edit distance, one row of the matrix at a time.
    std::vector<size_t> distances(row.name.size() + 1);
    for (size_t j = 0; j < distances.size(); ++j) distances[j] = j;
    for (size_t i = 1; i <= name.size(); ++i) {
      size_t diagonal = distances[0];
      distances[0] = i;
      for (size_t j = 1; j < distances.size(); ++j) {
        const size_t substituted = diagonal + (name[i - 1] == row.name[j - 1] ? 0 : 1);
        diagonal = distances[j];
        distances[j] = std::min({substituted, distances[j] + 1, distances[j - 1] + 1});
      }
    }
    if (distances.back() < best_distance) {
      best_distance = distances.back();
      best = row.name;
    }
  }
  return best;
}

std::string_view NamePart(std::string_view word) {
  constexpr std::string_view kOfNames = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  constexpr size_t kLongest = 64;
  return word.substr(0, std::min(word.find_first_not_of(kOfNames), kLongest));
}

std::string JoinValues(const std::vector<std::string>& words, size_t from) {
  std::string joined;
  for (size_t i = from; i < words.size(); ++i) {
    if (i > from) joined += ' ';
    joined += words[i];
  }
  return joined;
}

bool IsOneOf(std::string_view word, std::string_view list) {
  const std::vector<std::string_view> all = Words(list);
  return std::any_of(all.begin(), all.end(), [&](std::string_view each) { return EqualsIgnoringCase(each, word); });
}

// Lines that a version of redis-server takes although they do nothing.
bool IsObsolete(const LineWords& words) {
  if (words.size() != 2) return false;
  if (EqualsIgnoringCase(words[0], "gopher-enabled")) return EqualsIgnoringCase(words[1], "no");
  return IsOneOf(words[0], "list-max-ziplist-entries list-max-ziplist-value lua-replicate-commands");
}

// Why a directive of Redis is refused, beyond options; nothing if it isn't known.
std::optional<std::string> WhyRefused(std::string_view directive) {
  if (EqualsIgnoringCase(directive, "loadmodule")) {
    return "there are no modules; remove the line, docs/commands.md lists the commands that there are";
  }
  if (EqualsIgnoringCase(directive, "sentinel")) return "this is no Sentinel; run redis-sentinel with this file";
  if (EqualsIgnoringCase(directive, "gopher-enabled")) return "there is no Gopher protocol; remove the line";
  const size_t dot = directive.find('.');
  const bool is_of_module = dot != std::string_view::npos && dot == NamePart(directive).size();
  if (is_of_module) return "it looks like the option of a module, and there are no modules; remove the line";
  return std::nullopt;
}

Result<bool> UnknownOption(const std::string& where, const std::string& word) {
  const std::string_view name = NamePart(word);
  const std::string closest = ClosestName(name);
  const std::string hint = name.size() < word.size() ? closest + " VALUE" : closest;
  return Fail(where + ": unknown option '" + ShownName(word) + "'" +
              (closest.empty() ? "; ringkv-server --help lists all" : "; did you mean '" + hint + "'?"));
}

}  // namespace

std::string ShownName(std::string_view word) {
  const std::string_view name = NamePart(word);
  return std::string(name) + (name.size() < word.size() ? "..." : "");
}

Result<bool> ConfigReader::Apply(const std::string& where, const LineWords& words, int depth) {
  if (EqualsIgnoringCase(words[0], "include")) return Include(where, words, depth);
  if (EqualsIgnoringCase(words[0], "rename-command")) return Rename(where, words);
  if (EqualsIgnoringCase(words[0], "user")) return SetUser(where, words);
  if (IsObsolete(words)) return true;
  if (const std::optional<std::string> why = WhyRefused(words[0])) {
    return Fail(where + ": '" + ShownName(words[0]) + "': " + *why);
  }
  return SetValue(where, words);
}

Result<bool> ConfigReader::SetValue(const std::string& where, const LineWords& words) {
  const OptionRow* row = FindOption(words[0]);
  if (row == nullptr) return UnknownOption(where, words[0]);
  if (words.size() < 2 && !row->accumulates) return Fail(where + ": option '" + words[0] + "' needs a value");
  if (words.size() > 2 && !row->is_list) {
    return Fail(where + ": option '" + words[0] + "' takes one value, not " + std::to_string(words.size() - 1));
  }
  std::string value = JoinValues(words, 1);
  const bool is_first = seen_.insert(row->name).second;
  if (row->accumulates && !is_first && !value.empty()) {
    const std::string before = OptionValue(options_, *row);
    if (!before.empty()) value = before + " " + value;
  }
  if (const std::optional<std::string> wrong = CheckOption(*row, value)) {
    return Fail(where + ": " + BadValue(*row, value, "'" + words[0] + "'", *wrong));
  }
  SetOption(options_, *row, value);
  return true;
}

// Whether there is such a command is known only to the table of commands, which is made later.
Result<bool> ConfigReader::Rename(const std::string& where, const LineWords& words) {
  if (words.size() != 3) {
    return Fail(where + ": rename-command takes a command and its new name, or \"\" to remove it");
  }
  options_.renamed_commands.push_back({.from = words[1], .to = words[2], .where = where});
  return true;
}

// What the rules mean is known only with the table of commands, which is made later.
Result<bool> ConfigReader::SetUser(const std::string& where, const LineWords& words) {
  if (words.size() < 2) return Fail(where + ": user takes a name and rules, as ACL SETUSER does");
  const auto is_same = [&](const UserDirective& each) { return each.name == words[1]; };
  if (std::any_of(options_.users.begin(), options_.users.end(), is_same)) {
    return Fail(where + ": there is a line for the user '" + words[1] + "' already");
  }
  options_.users.push_back({.name = words[1], .rules = {words.begin() + 2, words.end()}, .where = where});
  return true;
}

Result<bool> ConfigReader::ReadStream(std::istream& stream, const std::string& name, int depth) {
  std::string line;
  for (int number = 1; std::getline(stream, line); ++number) {
    const std::string where = name + ":" + std::to_string(number);
    const size_t start = line.find_first_not_of(" \t\r\n");
    if (start == std::string::npos || line[start] == '#') continue;
    // Would end the line unseen.
    if (line.find('\0') != std::string::npos) return Fail(where + ": a NUL byte; in quotes write it as \\x00");
    const std::optional<LineWords> words = SplitConfigLine(line);
    if (!words) return Fail(where + ": unbalanced quotes");
    if (words->empty()) continue;
    if (Result<bool> done = Apply(where, *words, depth); !done) return done;
  }
  return true;
}

Result<bool> ConfigReader::ReadFile(const std::string& path, int depth) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return Fail("cannot read configuration file '" + path + "': it is a directory");
  }
  std::ifstream file(path);
  if (!file) return Fail("cannot open configuration file '" + path + "': " + std::strerror(errno));
  return ReadStream(file, path, depth);
}

Result<bool> ConfigReader::Include(const std::string& where, const LineWords& words, int depth) {
  if (words.size() != 2) return Fail(where + ": include needs one file or pattern");
  if (depth >= kDeepestInclude) {
    return Fail(where + ": include nested deeper than " + std::to_string(kDeepestInclude) + " files");
  }
  glob_t found{};
  const int status = ::glob(words[1].c_str(), 0, nullptr, &found);
  std::vector<std::string> paths;
  for (size_t i = 0; status == 0 && i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  // A pattern may match nothing; a plain name must be there.
  if (paths.empty() && words[1].find_first_of("*?[") == std::string::npos) paths.push_back(words[1]);
  for (const std::string& path : paths) {
    if (const Result<bool> done = ReadFile(path, depth + 1); !done) return Fail(where + ": " + done.error().text);
  }
  return true;
}

}  // namespace ringkv::server
