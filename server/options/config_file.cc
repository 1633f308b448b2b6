// SPDX-License-Identifier: MIT
#include "server/options/config_file.h"

#include <glob.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

#include "resp/inline_words.h"
#include "server/command/arguments.h"
#include "server/options/option_table.h"

namespace ringkv::server {
namespace {

constexpr int kDeepestInclude = 16;

using storage::Fail;
using storage::Result;

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

// What may be a name; behind it, as in masterauth=secret, may stand what nobody else is to see.
std::string_view NamePart(std::string_view word) {
  constexpr std::string_view kOfNames = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  constexpr size_t kLongest = 64;
  return word.substr(0, std::min(word.find_first_not_of(kOfNames), kLongest));
}

std::string Shown(std::string_view word) {
  const std::string_view name = NamePart(word);
  return std::string(name) + (name.size() < word.size() ? "..." : "");
}

std::string JoinValues(const std::vector<std::string>& words, size_t from) {
  std::string joined;
  for (size_t i = from; i < words.size(); ++i) {
    if (i > from) joined += ' ';
    joined += words[i];
  }
  return joined;
}

class Reader {
 public:
  explicit Reader(Options& options) : options_(options) {}

  Result<bool> Apply(const std::string& where, const std::vector<std::string>& words) {
    const OptionRow* row = FindOption(words[0]);
    if (row == nullptr) {
      const std::string_view name = NamePart(words[0]);
      const std::string closest = ClosestName(name);
      const std::string hint = name.size() < words[0].size() ? closest + " VALUE" : closest;
      return Fail(where + ": unknown option '" + Shown(words[0]) + "'" +
                  (closest.empty() ? "; ringkv-server --help lists all" : "; did you mean '" + hint + "'?"));
    }
    if (words.size() < 2) return Fail(where + ": option '" + words[0] + "' needs a value");
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

  Result<bool> ReadStream(std::istream& stream, const std::string& name, int depth) {
    std::string line;
    for (int number = 1; std::getline(stream, line); ++number) {
      const std::string where = name + ":" + std::to_string(number);
      const size_t start = line.find_first_not_of(" \t\r\n");
      if (start == std::string::npos || line[start] == '#') continue;
      // Would end the line unseen.
      if (line.find('\0') != std::string::npos) return Fail(where + ": a NUL byte; in quotes write it as \\x00");
      const std::optional<std::vector<std::string>> words = SplitConfigLine(line);
      if (!words) return Fail(where + ": unbalanced quotes");
      if (words->empty()) continue;
      const Result<bool> done =
          EqualsIgnoringCase((*words)[0], "include") ? Include(where, *words, depth) : Apply(where, *words);
      if (!done) return done;
    }
    return true;
  }

  Result<bool> ReadFile(const std::string& path, int depth) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
      return Fail("cannot read configuration file '" + path + "': it is a directory");
    }
    std::ifstream file(path);
    if (!file) return Fail("cannot open configuration file '" + path + "': " + std::strerror(errno));
    return ReadStream(file, path, depth);
  }

 private:
  Result<bool> Include(const std::string& where, const std::vector<std::string>& words, int depth) {
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

  Options& options_;
  std::set<std::string_view> seen_;
};

// `--name value ...` or `--name=value`, as it stands in the arguments [begin, end).
struct Flag {
  std::vector<std::string> words;
  size_t end = 0;
};

std::optional<Flag> FlagAt(std::span<const std::string> arguments, size_t begin) {
  const std::string& first = arguments[begin];
  if (!first.starts_with("--") || first.size() == 2) return std::nullopt;
  // Nothing but a value has an equals sign in it.
  if (const size_t equals = first.find('='); equals != std::string::npos) {
    return Flag{{first.substr(2, equals - 2), first.substr(equals + 1)}, begin + 1};
  }
  Flag flag{{first.substr(2)}, begin + 1};
  for (; flag.end < arguments.size(); ++flag.end) {
    const std::string& word = arguments[flag.end];
    // A value that begins with -- is taken only where an option would otherwise stay without one.
    if (word.starts_with("--") && (flag.words.size() > 1 || FindOption(word.substr(2)) != nullptr)) break;
    flag.words.push_back(word);
  }
  return flag;
}

Result<bool> ReadFlags(const std::vector<std::string>& arguments, size_t at, Reader& reader) {
  while (at < arguments.size()) {
    const std::optional<Flag> flag = FlagAt(arguments, at);
    if (!flag) return Fail("command line: expected '--name value', got '" + Shown(arguments[at]) + "'");
    if (const Result<bool> done = reader.Apply("command line", flag->words); !done) return done;
    at = flag->end;
  }
  return true;
}

}  // namespace

std::optional<std::vector<std::string>> SplitConfigLine(std::string_view line) {
  std::string text;
  std::vector<resp::InlineWord> words;
  if (!resp::SplitInlineWords(line, &text, &words)) return std::nullopt;
  std::vector<std::string> result;
  for (const resp::InlineWord& word : words) result.push_back(text.substr(word.offset, word.length));
  return result;
}

std::string BadValue(const OptionRow& row, std::string_view value, const std::string& name, const std::string& why) {
  return "bad value " + (row.is_secret ? "" : "'" + std::string(value) + "' ") + "for " + name + ": " + why;
}

Result<bool> ReadConfigLines(std::istream& lines, const std::string& name, Options& options) {
  return Reader(options).ReadStream(lines, name, 0);
}

void HideSecretArguments(std::span<char* const> arguments) {
  const std::vector<std::string> read(arguments.begin(), arguments.end());
  for (size_t at = 0; at < read.size();) {
    const std::optional<Flag> flag = FlagAt(read, at);
    const OptionRow* row = flag ? FindOption(flag->words[0]) : nullptr;
    const size_t end = flag ? flag->end : at + 1;
    if (row != nullptr && row->is_secret) {
      char* const equals = std::strchr(arguments[at], '=');
      if (equals != nullptr) std::memset(equals + 1, '*', std::strlen(equals + 1));
      for (size_t i = at + 1; i < end; ++i) std::memset(arguments[i], '*', read[i].size());
    }
    at = end;
  }
}

Result<bool> ReadEnvironment(Options& options) {
  for (const OptionRow& row : OptionRows()) {
    std::string variable = "RINGKV_" + UpperCase(row.name);
    std::replace(variable.begin(), variable.end(), '-', '_');
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr) continue;
    // Kubernetes sets RINGKV_PORT=tcp://10.0.0.1:6379 where a service is called ringkv.
    if (row.type == OptionType::kInteger && std::string_view(value).starts_with("tcp://")) continue;
    if (const std::optional<std::string> wrong = CheckOption(row, value)) {
      return Fail("environment: " + BadValue(row, value, variable, *wrong));
    }
    SetOption(options, row, value);
  }
  return true;
}

storage::Result<std::string> ReadCommandLine(const std::vector<std::string>& arguments, Options& options) {
  Reader reader(options);
  size_t at = 0;
  std::string config_path;
  if (at < arguments.size() && arguments[at] == "-") {
    ++at;
    if (const Result<bool> done = reader.ReadStream(std::cin, "standard input", 0); !done)
      return Fail(done.error().text);
  } else if (at < arguments.size() && arguments[at].rfind("-", 0) != 0) {
    config_path = std::filesystem::absolute(arguments[at++]).string();
    if (const Result<bool> done = reader.ReadFile(config_path, 0); !done) return Fail(done.error().text);
  }
  if (const Result<bool> done = ReadFlags(arguments, at, reader); !done) return Fail(done.error().text);
  return config_path;
}

}  // namespace ringkv::server
