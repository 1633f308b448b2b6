// SPDX-License-Identifier: MIT
#include "server/options/command_line.h"

#include <cstring>
#include <filesystem>
#include <iostream>
#include <optional>

#include "server/base/text.h"
#include "server/options/config_line.h"
#include "server/options/config_reader.h"
#include "server/options/option_table.h"

namespace ringkv::server {
namespace {

using storage::Fail;
using storage::Result;

// One option as it stands in the arguments [begin, end): `--name value ...`, `--name=value`, or `--name value` in one
// argument, which images pass on from a variable.
struct Flag {
  std::vector<std::string> words;
  size_t end = 0;
};

// The words of the argument in which the option begins.
std::vector<std::string> FirstWords(const std::string& argument) {
  const std::string text = argument.substr(2);
  const size_t end = text.find_first_of("= \t");
  if (end == std::string::npos) return {text};
  if (text[end] == '=') return {text.substr(0, end), text.substr(end + 1)};
  std::optional<std::vector<std::string>> words = SplitConfigLine(text);
  return words && !words->empty() ? *words : std::vector<std::string>{text};
}

std::optional<Flag> FlagAt(std::span<const std::string> arguments, size_t begin) {
  const std::string& first = arguments[begin];
  if (!first.starts_with("--") || first.size() == 2) return std::nullopt;
  Flag flag{FirstWords(first), begin + 1};
  // Nothing but a value has an equals sign in it.
  if (flag.words.size() == 2 && first == "--" + flag.words[0] + "=" + flag.words[1]) return flag;
  for (; flag.end < arguments.size(); ++flag.end) {
    const std::string& word = arguments[flag.end];
    // A value that begins with -- is taken only where an option would otherwise stay without one.
    if (word.starts_with("--") && (flag.words.size() > 1 || FindOption(FirstWords(word)[0]) != nullptr)) break;
    flag.words.push_back(word);
  }
  return flag;
}

bool HoldsSecret(std::string_view name) {
  const OptionRow* row = FindOption(name);
  return row != nullptr ? row->is_secret : EqualsIgnoringCase(name, "user");
}

Result<bool> ReadFlags(std::span<const std::string> arguments, ConfigReader& reader) {
  for (size_t at = 0; at < arguments.size();) {
    std::optional<Flag> flag = FlagAt(arguments, at);
    if (!flag) return Fail("command line: expected '--name value', got '" + ShownName(arguments[at]) + "'");
    const OptionRow* row = FindOption(flag->words[0]);
    // A list of lines that is empty, as programs pass it that make arguments from a list.
    if (flag->words.size() == 1 && row != nullptr && row->accumulates) flag->words.emplace_back();
    if (Result<bool> done = reader.Apply("command line", flag->words); !done) return done;
    at = flag->end;
  }
  return true;
}

}  // namespace

void HideSecretArguments(std::span<char* const> arguments) {
  const std::vector<std::string> read(arguments.begin(), arguments.end());
  for (size_t at = 0; at < read.size();) {
    const std::optional<Flag> flag = FlagAt(read, at);
    const size_t end = flag ? flag->end : at + 1;
    if (flag && HoldsSecret(flag->words[0])) {
      const size_t name_end = read[at].find_first_of("= \t");
      if (name_end < read[at].size()) std::memset(arguments[at] + name_end + 1, '*', read[at].size() - name_end - 1);
      for (size_t i = at + 1; i < end; ++i) std::memset(arguments[i], '*', read[i].size());
    }
    at = end;
  }
}

Result<std::string> ReadCommandLine(const std::vector<std::string>& arguments, Options& options) {
  ConfigReader reader(options);
  std::span<const std::string> left = arguments;
  std::string config_path;
  if (!left.empty() && !left[0].starts_with('-')) {
    config_path = std::filesystem::absolute(left[0]).string();
    left = left.subspan(1);
    if (const Result<bool> done = reader.ReadFile(config_path); !done) return Fail(done.error().text);
  }
  const bool is_first = !left.empty() && left.front() == "-";
  const bool is_last = !is_first && !left.empty() && left.back() == "-";
  if (is_first) left = left.subspan(1);
  if (is_last) left = left.first(left.size() - 1);
  if (is_first || is_last) {
    if (const Result<bool> done = reader.ReadStream(std::cin, "standard input"); !done) return Fail(done.error().text);
  }
  if (const Result<bool> done = ReadFlags(left, reader); !done) return Fail(done.error().text);
  return config_path;
}

}  // namespace ringkv::server
