// SPDX-License-Identifier: MIT
// The seam to the disk. What it promises, and so what the log and the snapshots may rely on:
//
//   - what `File::Sync` has confirmed survives a crash, bytes and length;
//   - a name that was made, renamed or removed survives one after `SyncDirectory`;
//   - everything else may be there, partly there, or gone.
//
// After an error nothing is known about the bytes of that operation.
//
// Threads: a FileSystem may be used by any thread; a File by one at a time, but `ReadAt` by many.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

namespace ringkv::storage {

class File {
 public:
  virtual ~File() = default;
  // Appends all bytes.
  virtual Status Append(std::string_view bytes) = 0;
  // Makes the file `size` bytes long, zeros behind what was appended, which appends then fill. Syncing such an append
  // is cheaper than one that makes the file longer.
  virtual Status Reserve(uint64_t size) = 0;
  // Fewer than `size` bytes only at the end of the file.
  virtual Result<size_t> ReadAt(uint64_t offset, char* to, size_t size) = 0;
  virtual Result<uint64_t> Size() = 0;
  virtual Status Truncate(uint64_t size) = 0;
  virtual Status Sync() = 0;
};

// Held until it is destroyed or the process ends, also by a crash.
class FileLock {
 public:
  virtual ~FileLock() = default;
  // Writes the process id into the lock file, for the error messages of other processes; call again after a fork.
  virtual Status Sign() { return {}; }
};

enum class OpenMode : uint8_t {
  kRead,
  kReplace,  // for appending, empty at first, whether there was one or not
  // Like kReplace, for large files that are not read soon: bypasses the page cache where possible, which takes a
  // fraction of the CPU time. The file may have up to a block of zeros after its end, until it is truncated.
  kReplaceUncached,
  kModify,  // an existing one, to read, append and truncate
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  virtual bool Exists(const std::string& path) = 0;
  // Names without the directory, in no order.
  virtual Result<std::vector<std::string>> List(const std::string& directory) = 0;
  // Succeeds if it exists already.
  virtual Status MakeDirectory(const std::string& path) = 0;
  // Replaces an existing file `to`.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  virtual Status SyncDirectory(const std::string& path) = 0;
  // Fails if another process, or another holder in this process, has the lock. The error names the holder.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
};

// "a/b" of "a" and "b"; an empty directory is the working one.
inline std::string JoinPath(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

// Truncates the file to `size` bytes, durably.
Status TruncateFile(FileSystem& files, const std::string& path, uint64_t size);

// Replaces the file, or makes it, durably: after a crash there is the old one or the new one.
Status ReplaceWhole(FileSystem& files, const std::string& path, std::string_view bytes);

// The whole file.
Result<std::string> ReadWhole(FileSystem& files, const std::string& path);

}  // namespace ringkv::storage
