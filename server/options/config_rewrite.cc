// SPDX-License-Identifier: MIT
#include "server/options/config_rewrite.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
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

namespace ringkv::server {
namespace {

using storage::Fail;
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

// Gives the new file the owner and group of the old one, and returns its mode: without the group's permissions if the
// group could not be kept.
mode_t TakeOver(int file, const struct stat& old) {
  const mode_t mode = old.st_mode & 07777;
  if (::fchown(file, old.st_uid, old.st_gid) == 0) return mode;
  const bool keeps_group = ::fchown(file, static_cast<uid_t>(-1), old.st_gid) == 0;
  return keeps_group ? mode : mode & ~mode_t{070};
}

bool WriteAll(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return ::fsync(file) == 0;
}

Result<bool> ReplaceFile(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".rewrite-" + std::to_string(::getpid());
  ::unlink(temporary.c_str());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return Fail("cannot create '" + temporary + "': " + std::strerror(errno));
  struct stat old {};
  bool done = ::stat(path.c_str(), &old) != 0 || ::fchmod(file, TakeOver(file, old)) == 0;
  done = done && WriteAll(file, text) && ::rename(temporary.c_str(), path.c_str()) == 0;
  const int error = errno;
  ::close(file);
  if (done) return true;
  ::unlink(temporary.c_str());
  return Fail("cannot write '" + path + "': " + std::strerror(error));
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
  return ReplaceFile(target.empty() ? path : target.string(), text);
}

}  // namespace ringkv::server
