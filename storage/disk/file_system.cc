// SPDX-License-Identifier: MIT
#include "storage/disk/file_system.h"

namespace ringkv::storage {

Status TruncateFile(FileSystem& files, const std::string& path, uint64_t size) {
  const Result<std::unique_ptr<File>> file = files.Open(path, OpenMode::kModify);
  if (!file) return tl::unexpected(file.error());
  if (Status cut = (*file)->Truncate(size); !cut) return cut;
  return (*file)->Sync();
}

namespace {

Status WriteWhole(FileSystem& files, const std::string& path, std::string_view bytes) {
  Result<std::unique_ptr<File>> file = files.Open(path, OpenMode::kReplace);
  if (!file) return tl::unexpected(file.error());
  if (Status written = (*file)->Append(bytes); !written) return written;
  return (*file)->Sync();
}

}  // namespace

Status ReplaceWhole(FileSystem& files, const std::string& path, std::string_view bytes) {
  const std::string draft = path + ".tmp";
  Status done = WriteWhole(files, draft, bytes);
  if (done) done = files.Rename(draft, path);
  if (!done) {
    [[maybe_unused]] const Status ignored = files.Remove(draft);  // the first error says what is wrong
    return done;
  }
  const size_t slash = path.rfind('/');
  return files.SyncDirectory(slash == std::string::npos ? "" : path.substr(0, slash));
}

Result<std::string> ReadWhole(FileSystem& files, const std::string& path) {
  Result<std::unique_ptr<File>> file = files.Open(path, OpenMode::kRead);
  if (!file) return tl::unexpected(file.error());
  const Result<uint64_t> size = (*file)->Size();
  if (!size) return tl::unexpected(size.error());
  std::string bytes(*size, '\0');
  const Result<size_t> read = (*file)->ReadAt(0, bytes.data(), bytes.size());
  if (!read) return tl::unexpected(read.error());
  bytes.resize(*read);
  return bytes;
}

}  // namespace ringkv::storage
