// SPDX-License-Identifier: MIT
#include "storage/disk/posix_file_system.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>

namespace ringkv::storage {
namespace {

tl::unexpected<Error> FailWithErrno(const std::string& what, const std::string& path) {
  const int why = errno;  // before anything else may change it
  return Fail("cannot " + what + " '" + path + "': " + std::strerror(why));
}

// Owns the descriptor.
class PosixFile final : public File {
 public:
  PosixFile(int descriptor, uint64_t end, std::string path)
      : descriptor_(descriptor), path_(std::move(path)), end_(end), size_(end) {}
  ~PosixFile() override { ::close(descriptor_); }

  Status Append(std::string_view bytes) override {
    if (Status written = WriteAt(end_, bytes); !written) return written;
    end_ += bytes.size();
    size_ = std::max(size_, end_);
    return {};
  }

  Status Reserve(uint64_t size) override {
    static constexpr char kZeros[64 * 1024] = {};
    while (size_ < size) {
      const size_t count = std::min<size_t>(sizeof kZeros, size - size_);
      if (Status written = WriteAt(size_, {kZeros, count}); !written) return written;
      size_ += count;
    }
    return {};
  }

  Result<size_t> ReadAt(uint64_t offset, char* to, size_t size) override {
    size_t done = 0;
    while (done < size) {
      const ssize_t count = ::pread(descriptor_, to + done, size - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FailWithErrno("read", path_);
      if (count == 0) break;
      done += static_cast<size_t>(count);
    }
    return done;
  }

  Result<uint64_t> Size() override {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) return FailWithErrno("look at", path_);
    return static_cast<uint64_t>(status.st_size);
  }

  Status Truncate(uint64_t size) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return FailWithErrno("truncate", path_);
    end_ = std::min(end_, size);
    size_ = size;
    return {};
  }

  Status Sync() override {
    if (::fdatasync(descriptor_) != 0) return FailWithErrno("sync", path_);
    return {};
  }

 private:
  Status WriteAt(uint64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return FailWithErrno("write", path_);
      offset += static_cast<size_t>(written);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }

  const int descriptor_;
  const std::string path_;
  uint64_t end_;   // of what was appended
  uint64_t size_;  // with what is reserved
};

// Writes whole blocks straight from its own memory to the device (O_DIRECT). The last block is written again with each
// append until it is full: what it held before stands in it unchanged.
class UncachedFile final : public File {
 public:
  UncachedFile(int descriptor, std::string path)
      : descriptor_(descriptor), path_(std::move(path)), buffer_(::operator new(kBufferBytes, kAlignment)) {}
  ~UncachedFile() override {
    ::close(descriptor_);
    ::operator delete(buffer_, kAlignment);
  }

  Status Append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const size_t count = std::min(bytes.size(), kBufferBytes - fill_);
      std::memcpy(data() + fill_, bytes.data(), count);
      bytes.remove_prefix(count);
      fill_ += count;
      if (Status written = WriteBlocks(); !written) return written;
    }
    return {};
  }
  Status Reserve(uint64_t) override { return {}; }
  Result<size_t> ReadAt(uint64_t, char*, size_t) override {
    return Fail("cannot read '" + path_ + "': it is being written");
  }
  Result<uint64_t> Size() override { return start_ + fill_; }
  Status Truncate(uint64_t size) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return FailWithErrno("truncate", path_);
    return {};
  }
  Status Sync() override {
    if (::fdatasync(descriptor_) != 0) return FailWithErrno("sync", path_);
    return {};
  }

 private:
  static constexpr size_t kBlockBytes = 4096;
  static constexpr size_t kBufferBytes = 1 << 20;
  static constexpr std::align_val_t kAlignment{kBlockBytes};

  char* data() { return static_cast<char*>(buffer_); }

  Status WriteBlocks() {
    const size_t padded = (fill_ + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
    std::memset(data() + fill_, 0, padded - fill_);
    for (size_t done = 0; done < padded;) {
      const ssize_t count = ::pwrite(descriptor_, data() + done, padded - done, static_cast<off_t>(start_ + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FailWithErrno("write", path_);
      done += static_cast<size_t>(count);
    }
    const size_t whole = fill_ / kBlockBytes * kBlockBytes;
    std::memmove(data(), data() + whole, fill_ - whole);
    start_ += whole;
    fill_ -= whole;
    return {};
  }

  const int descriptor_;
  const std::string path_;
  void* const buffer_;
  uint64_t start_ = 0;  // of the buffer in the file, a multiple of a block
  size_t fill_ = 0;
};

class PosixLock final : public FileLock {
 public:
  PosixLock(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~PosixLock() override { ::close(descriptor_); }

  Status Sign() override {
    const std::string pid = std::to_string(::getpid()) + "\n";
    const bool is_written = ::ftruncate(descriptor_, 0) == 0 && ::pwrite(descriptor_, pid.data(), pid.size(), 0) >= 0;
    return is_written ? Status() : FailWithErrno("write lock file", path_);
  }

 private:
  const int descriptor_;
  const std::string path_;
};

constexpr mode_t kPermissions = 0644;

}  // namespace

std::string PosixFileSystem::Located(const std::string& path) const {
  if (path.empty()) return directory_.empty() ? "." : directory_;
  return path.front() == '/' ? path : JoinPath(directory_, path);
}

Result<std::unique_ptr<File>> PosixFileSystem::Open(const std::string& path, OpenMode mode) {
  const std::string located = Located(path);
  if (mode == OpenMode::kReplaceUncached) {
    const int uncached = ::open(located.c_str(), O_CLOEXEC | O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, kPermissions);
    if (uncached >= 0) return std::make_unique<UncachedFile>(uncached, located);
    mode = OpenMode::kReplace;  // not every file system can
  }
  int flags = O_CLOEXEC | O_NONBLOCK;  // whatever is no file, as a pipe is none, must not block the open
  switch (mode) {
    case OpenMode::kRead: flags |= O_RDONLY; break;
    case OpenMode::kReplace:
    case OpenMode::kReplaceUncached: flags |= O_RDWR | O_CREAT | O_TRUNC; break;
    case OpenMode::kModify: flags |= O_RDWR; break;
  }
  const int descriptor = ::open(located.c_str(), flags, kPermissions);
  if (descriptor < 0) return FailWithErrno("open", located);
  struct stat status {};
  ::fstat(descriptor, &status);
  if (!S_ISREG(status.st_mode)) {
    ::close(descriptor);
    return Fail("cannot open '" + located + "': it is not a regular file");
  }
  return std::make_unique<PosixFile>(descriptor, static_cast<uint64_t>(status.st_size), located);
}

bool PosixFileSystem::Exists(const std::string& path) { return ::access(Located(path).c_str(), F_OK) == 0; }

Result<std::vector<std::string>> PosixFileSystem::List(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator each(Located(directory), error);
  for (; !error && each != std::filesystem::directory_iterator(); each.increment(error)) {
    names.push_back(each->path().filename().string());
  }
  if (error) return Fail("cannot list '" + Located(directory) + "': " + error.message());
  return names;
}

Status PosixFileSystem::MakeDirectory(const std::string& path) {
  const std::string located = Located(path);
  if (::mkdir(located.c_str(), 0755) != 0 && errno != EEXIST) return FailWithErrno("make directory", located);
  return {};
}

Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  const std::string source = Located(from);
  const std::string target = Located(to);
  const std::string what = "rename to '" + target + "'";
  if (::rename(source.c_str(), target.c_str()) != 0) return FailWithErrno(what, source);
  return {};
}

Status PosixFileSystem::Remove(const std::string& path) {
  const std::string located = Located(path);
  if (::unlink(located.c_str()) != 0) return FailWithErrno("remove", located);
  return {};
}

Status PosixFileSystem::SyncDirectory(const std::string& path) {
  const std::string directory = Located(path);
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return FailWithErrno("open directory", directory);
  const int result = ::fsync(descriptor);
  const int why = errno;
  ::close(descriptor);
  errno = why;
  if (result != 0) return FailWithErrno("sync directory", directory);
  return {};
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::Lock(const std::string& path) {
  const std::string located = Located(path);
  const int descriptor = ::open(located.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kPermissions);
  if (descriptor < 0) return FailWithErrno("open lock file", located);
  auto lock = std::make_unique<PosixLock>(descriptor, located);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    [[maybe_unused]] const ssize_t count = ::pread(descriptor, holder, sizeof holder - 1, 0);
    std::string pid(holder);
    while (!pid.empty() && pid.back() == '\n') pid.pop_back();
    return Fail("'" + located + "' is locked by process " + (pid.empty() ? "unknown" : pid));
  }
  if (Status is_signed = lock->Sign(); !is_signed) return tl::unexpected(is_signed.error());
  return lock;
}

}  // namespace ringkv::storage
