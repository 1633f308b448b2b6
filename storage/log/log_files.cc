// SPDX-License-Identifier: MIT
#include "storage/log/log_files.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace ringkv::storage {
namespace {

constexpr std::string_view kSuffix = ".log";
constexpr size_t kDigits = 20;

}  // namespace

std::string NameOfLogFile(Lsn first) {
  char name[kDigits + 8];
  std::snprintf(name, sizeof name, "%020llu.log", static_cast<unsigned long long>(first));
  return name;
}

Result<std::vector<LogFileName>> ListLogFiles(FileSystem& files, const std::string& directory) {
  std::vector<LogFileName> found;
  if (!files.Exists(directory)) return found;
  const Result<std::vector<std::string>> names = files.List(directory);
  if (!names) return tl::unexpected(names.error());
  for (const std::string& name : *names) {
    if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) continue;
    Lsn first = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + kDigits, first);
    if (error == std::errc() && end == name.data() + kDigits) found.push_back({first, name});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return found;
}

Status DropLogFiles(FileSystem& files, const std::string& directory, Lsn last) {
  const Result<std::vector<LogFileName>> found = ListLogFiles(files, directory);
  if (!found) return tl::unexpected(found.error());
  for (size_t i = 0; i + 1 < found->size() && (*found)[i + 1].first <= last + 1; ++i) {
    if (Status removed = files.Remove(JoinPath(directory, (*found)[i].name)); !removed) return removed;
  }
  return {};
}

Result<std::unique_ptr<File>> PlaceFile(FileSystem& files, const std::string& directory, const std::string& name,
                                        std::string_view bytes, OpenMode mode) {
  const std::string temporary = JoinPath(directory, name + ".tmp");
  Result<std::unique_ptr<File>> file = files.Open(temporary, mode);
  if (!file) return file;
  Status done = (*file)->Append(bytes);
  if (done) done = (*file)->Sync();
  if (done) done = files.Rename(temporary, JoinPath(directory, name));
  if (done) done = files.SyncDirectory(directory);
  if (done) return file;
  file->reset();
  [[maybe_unused]] const Status removed = files.Remove(temporary);
  return tl::unexpected(done.error());
}

}  // namespace ringkv::storage
