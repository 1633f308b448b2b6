// SPDX-License-Identifier: MIT
#include "server/migration/aof_files.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "resp/inline_words.h"
#include "resp/integer_text.h"
#include "server/base/text.h"

namespace ringkv::server {
namespace {

using storage::Fail;
using storage::Result;

constexpr std::string_view kManifestEnd = ".manifest";

struct ManifestLine {
  std::string file;
  int64_t number = 0;
  char type = 0;  // b: the base; i: appended to it; h: left over from before
};

// Nothing if the line has another form. Names that are not known are skipped, as redis-server does.
std::optional<ManifestLine> ParseManifestLine(std::string_view line) {
  std::string text;
  std::vector<resp::InlineWord> words;
  if (!resp::SplitInlineWords(line, &text, &words) || words.size() % 2 != 0) return std::nullopt;
  ManifestLine parsed;
  for (size_t i = 0; i < words.size(); i += 2) {
    const std::string name = text.substr(words[i].offset, words[i].length);
    const std::string value = text.substr(words[i + 1].offset, words[i + 1].length);
    if (EqualsIgnoringCase(name, "file")) parsed.file = value;
    if (EqualsIgnoringCase(name, "seq")) parsed.number = resp::ParseInteger(value).value_or(0);
    if (EqualsIgnoringCase(name, "type")) parsed.type = value.size() == 1 ? value[0] : '\0';
  }
  const bool is_name = !parsed.file.empty() && parsed.file.find('/') == std::string::npos;
  const bool is_type = parsed.type == 'b' || parsed.type == 'i' || parsed.type == 'h';
  return is_name && is_type && parsed.number > 0 ? std::optional(std::move(parsed)) : std::nullopt;
}

// What a directory or a path names: a manifest, or the only file.
Result<std::string> FindFirstFile(storage::FileSystem& files, const std::string& path, const std::string& base_name) {
  const Result<std::vector<std::string>> names = files.List(path);
  if (!names) return path;
  const std::string manifest = base_name + std::string(kManifestEnd);
  for (const std::string& name : {manifest, base_name}) {
    if (std::find(names->begin(), names->end(), name) != names->end()) return storage::JoinPath(path, name);
  }
  return Fail("load-aof '" + path + "': there is neither '" + manifest + "' nor '" + base_name +
              "' in this directory (appendfilename names them)");
}

}  // namespace

Result<std::vector<std::string>> ReadAofManifest(std::string_view text, const std::string& path) {
  std::vector<std::string> names;
  bool has_base = false;
  int64_t last_number = 0;
  size_t line_number = 0;
  const auto fail = [&](const std::string& why) {
    return Fail("AOF manifest '" + path + "' line " + std::to_string(line_number) + ": " + why);
  };
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++line_number;
    if (line.starts_with('#')) continue;
    std::optional<ManifestLine> parsed = ParseManifestLine(line);
    if (!parsed) return fail("expected 'file <name> seq <number> type <b|i|h>'");
    if (parsed->type == 'h') continue;
    if (parsed->type == 'b') {
      if (has_base) return fail("there is a second base");
      has_base = true;
      names.insert(names.begin(), std::move(parsed->file));
      continue;
    }
    if (parsed->number <= last_number) return fail("the numbers of the files don't ascend");
    last_number = parsed->number;
    names.push_back(std::move(parsed->file));
  }
  if (names.empty()) return Fail("AOF manifest '" + path + "' names no file to load");
  return names;
}

Result<std::vector<std::string>> FindAofFiles(storage::FileSystem& files, const std::string& path,
                                              const std::string& base_name) {
  const Result<std::string> first = FindFirstFile(files, path, base_name);
  if (!first) return tl::unexpected(first.error());
  if (!first->ends_with(kManifestEnd)) return std::vector<std::string>{*first};
  const Result<std::string> text = storage::ReadWhole(files, *first);
  if (!text) return tl::unexpected(text.error());
  Result<std::vector<std::string>> names = ReadAofManifest(*text, *first);
  if (!names) return names;
  const size_t directory_end = first->rfind('/');
  const std::string directory = directory_end == std::string::npos ? "" : first->substr(0, directory_end);
  for (std::string& name : *names) name = storage::JoinPath(directory, name);
  return names;
}

}  // namespace ringkv::server
