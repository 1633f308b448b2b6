// SPDX-License-Identifier: MIT
#include "server/options/config_rewrite.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>
#include <vector>

#include "server/base/text.h"
#include "server/options/config_file.h"
#include "server/options/config_line.h"
#include "server/options/option_table.h"
#include "storage/base/blank_words.h"
#include "storage/disk/secret_file.h"

namespace ringkv::server {
namespace {

using storage::Result;

bool IsPlain(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return c > ' ' && c <= '~' && c != '"' && c != '\'' && c != '\\' && c != '#';
  });
}

bool IsPlainList(std::string_view value) {
  const std::vector<std::string_view> words = Words(value);
  std::string joined;
  for (const std::string_view word : words) {
    if (!IsPlain(word)) return false;
    joined += (joined.empty() ? "" : " ") + std::string(word);
  }
  return !words.empty() && joined == value;
}

// Users' names and patterns may have quotes, which would begin a quoted text where the next start reads them.
std::string UserLines(std::string_view users) {
  std::string lines;
  while (!users.empty()) {
    const std::string_view line = users.substr(0, users.find('\n'));
    users.remove_prefix(std::min(line.size() + 1, users.size()));
    for (const std::string_view word : storage::SplitAtBlanks(line)) {
      if (word.find_first_of("\"'") == std::string_view::npos) {
        lines += word;
      } else {
        AppendQuoted(&lines, word);
      }
      lines += ' ';
    }
    lines.back() = '\n';
  }
  return lines;
}

std::string ConfigLine(const OptionRow& row, std::string_view value) {
  std::string line = std::string(row.name) + " ";
  if (row.is_list ? IsPlainList(value) : IsPlain(value)) return line.append(value) + "\n";
  AppendQuoted(&line, value);
  return line + "\n";
}

// Whether the option needs no line: an empty list that is the default, such as replicaof. redis-server would refuse a
// line without words.
bool IsEmptyByDefault(const OptionRow& row, std::string_view value) {
  return row.is_list && value.empty() && row.default_value.empty();
}

// The file with the lines that name an option replaced.
std::string ReplaceLines(std::istream& old, const Options& options, std::set<std::string_view>* written) {
  std::string text;
  for (std::string line; std::getline(old, line);) {
    const size_t start = line.find_first_not_of(" \t\r\n");
    const bool is_blank = start == std::string::npos || line[start] == '#';
    const auto words = is_blank ? std::nullopt : SplitConfigLine(line);
    const std::string_view name = words && !words->empty() ? std::string_view((*words)[0]) : std::string_view();
    if (EqualsIgnoringCase(name, "user")) continue;  // all of them are written anew
    const OptionRow* row = name.empty() ? nullptr : FindOption(name);
    if (row == nullptr) {
      text += line + "\n";
    } else if (written->insert(row->name).second) {
      const std::string value = WrittenValue(options, *row);
      if (!IsEmptyByDefault(*row, value)) text += ConfigLine(*row, value);
    }
  }
  return text;
}

// Lines for each option that has none.
std::string OtherLines(const std::set<std::string_view>& written, const Options& options) {
  std::string lines;
  for (const OptionRow& row : OptionRows()) {
    const std::string value = WrittenValue(options, row);
    if (!written.contains(row.name) && !IsEmptyByDefault(row, value)) lines += ConfigLine(row, value);
  }
  return lines;
}

// Lines for each option that the next start would read with another value: options without a line, and options that an
// included file sets again below their line. If the file has a mistake, the next start stops there; then all options
// that differ from their defaults get a line.
std::string MissingLines(const std::string& text, const Options& options) {
  Options read;
  SetDefaults(read);
  std::istringstream lines(text);
  if (!ReadEnvironment(read) || !ReadConfigLines(lines, "", read)) SetDefaults(read);
  std::string missing;
  for (const OptionRow& row : OptionRows()) {
    const std::string value = WrittenValue(options, row);
    if (value == WrittenValue(read, row)) continue;
    if (row.accumulates && !value.empty()) missing += ConfigLine(row, "");  // an empty line drops the values before
    missing += ConfigLine(row, value);
  }
  return missing;
}

}  // namespace

Result<bool> RewriteConfigFile(const std::string& path, const Options& options, const std::string& users,
                               RewriteScope scope) {
  std::error_code ignored;
  const std::filesystem::path target = std::filesystem::canonical(path, ignored);  // a symbolic link stays one
  std::ifstream old(path);
  std::set<std::string_view> written;
  std::string text = ReplaceLines(old, options, &written);
  if (scope == RewriteScope::kAllOptions) text += OtherLines(written, options);
  text += MissingLines(text, options);
  text += UserLines(users);
  const std::string place = target.empty() ? path : target.string();
  const storage::Status placed = storage::ReplaceSecretFile(place, text, storage::FileOwner::kAsBefore);
  if (!placed) return tl::unexpected(placed.error());
  return true;
}

}  // namespace ringkv::server
