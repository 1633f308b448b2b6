// SPDX-License-Identifier: MIT
#include "server/config/config_file.h"

#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include "resp/inline_words.h"
#include "server/command/arguments.h"
#include "server/config/option_table.h"

namespace ringkv::server {
namespace {

constexpr int kDeepestInclude = 16;

using storage::Fail;
using storage::Result;

std::optional<std::vector<std::string>> SplitLine(std::string_view line) {
  std::string text;
  std::vector<resp::InlineWord> words;
  if (!resp::SplitInlineWords(line, &text, &words)) return std::nullopt;
  std::vector<std::string> result;
  for (const resp::InlineWord& word : words) result.push_back(text.substr(word.offset, word.length));
  return result;
}

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
      const std::string closest = ClosestName(words[0]);
      return Fail(where + ": unknown option '" + words[0] + "'" +
                  (closest.empty() ? "; ringkv-server --help lists all" : "; did you mean '" + closest + "'?"));
    }
    if (words.size() < 2) return Fail(where + ": option '" + words[0] + "' needs a value");
    if (words.size() > 2 && row->kind != OptionKind::kText) {
      return Fail(where + ": option '" + words[0] + "' takes one value, not " + std::to_string(words.size() - 1));
    }
    std::string value = JoinValues(words, 1);
    const bool is_first = seen_.insert(row->name).second;
    if (row->accumulates && !is_first && !value.empty()) {
      const std::string before = OptionValue(options_, *row);
      if (!before.empty()) value = before + " " + value;
    }
    if (const std::optional<std::string> wrong = CheckOption(*row, value)) {
      return Fail(where + ": bad value '" + value + "' for '" + words[0] + "': " + *wrong);
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
      const std::optional<std::vector<std::string>> words = SplitLine(line);
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

Result<bool> ReadFlags(const std::vector<std::string>& arguments, size_t at, Reader& reader) {
  while (at < arguments.size()) {
    if (arguments[at].rfind("--", 0) != 0 || arguments[at].size() == 2) {
      return Fail("command line: expected '--name value', got '" + arguments[at] + "'");
    }
    std::vector<std::string> words;
    std::string first = arguments[at++].substr(2);
    // --name=value is accepted as well; nothing else has an equals sign in its name.
    if (const size_t equals = first.find('='); equals != std::string::npos) {
      words = {first.substr(0, equals), first.substr(equals + 1)};
    } else {
      words.push_back(std::move(first));
      while (at < arguments.size() && (arguments[at].rfind("--", 0) != 0 || words.size() == 1)) {
        // A value that begins with -- is taken only where an option would otherwise stay without one.
        if (arguments[at].rfind("--", 0) == 0 && FindOption(arguments[at].substr(2)) != nullptr) break;
        words.push_back(arguments[at++]);
      }
    }
    if (const Result<bool> done = reader.Apply("command line", words); !done) return done;
  }
  return true;
}

bool NeedsQuotes(std::string_view value) {
  return value.empty() || value.find_first_of(" \"'\\#\t\r\n") != std::string_view::npos;
}

std::string ConfigLine(const OptionRow& row, const std::string& value) {
  // Lists of words stand as they are; a single text with white space in it is quoted.
  const bool is_list =
      !value.empty() && (row.name == "bind" || row.name == "save" || row.name == "client-output-buffer-limit" ||
                         row.name == "latency-tracking-info-percentiles");
  std::string line = std::string(row.name) + " ";
  if (is_list || !NeedsQuotes(value)) return line + value;
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') line += '\\';
    if (c == '\n') {
      line += "\\n";
    } else {
      line += c;
    }
  }
  return line + '"';
}

}  // namespace

Result<bool> ReadEnvironment(Options& options) {
  for (const OptionRow& row : OptionRows()) {
    std::string variable = "RINGKV_" + UpperCase(row.name);
    std::replace(variable.begin(), variable.end(), '-', '_');
    const char* value = std::getenv(variable.c_str());
    // Kubernetes sets RINGKV_PORT=tcp://10.0.0.1:6379 where a service is called ringkv.
    if (value == nullptr || std::string_view(value).starts_with("tcp://")) continue;
    if (const std::optional<std::string> wrong = CheckOption(row, value)) {
      return Fail("environment: bad value '" + std::string(value) + "' for " + variable + ": " + *wrong);
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

storage::Result<bool> RewriteConfigFile(const std::string& path, const Options& options) {
  std::vector<std::string> lines;
  std::set<std::string_view> written;
  std::ifstream old_file(path);
  std::string line;
  while (std::getline(old_file, line)) {
    const size_t start = line.find_first_not_of(" \t\r\n");
    const std::optional<std::vector<std::string>> words = SplitLine(line);
    const OptionRow* row = start != std::string::npos && line[start] != '#' && words && !words->empty()
                               ? FindOption((*words)[0])
                               : nullptr;
    if (row == nullptr) {
      lines.push_back(line);
    } else if (written.insert(row->name).second) {
      lines.push_back(ConfigLine(*row, OptionValue(options, *row)));
    }
  }
  old_file.close();
  Options defaults;
  SetDefaults(defaults);
  for (const OptionRow& row : OptionRows()) {
    const std::string value = OptionValue(options, row);
    if (written.count(row.name) == 0 && value != OptionValue(defaults, row)) lines.push_back(ConfigLine(row, value));
  }
  const std::string temporary = path + ".rewrite-" + std::to_string(getpid());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return Fail("cannot create '" + temporary + "': " + std::strerror(errno));
  std::string text;
  for (const std::string& each : lines) text += each + "\n";
  const bool written_all =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  const int write_error = errno;
  ::close(file);
  if (!written_all || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = written_all ? errno : write_error;
    ::unlink(temporary.c_str());
    return Fail("cannot write '" + path + "': " + std::strerror(error));
  }
  return true;
}

}  // namespace ringkv::server
