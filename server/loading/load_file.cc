// SPDX-License-Identifier: MIT
#include "server/loading/load_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "storage/base/once_a_second.h"

namespace ringkv::server {
namespace {

using storage::Fail;
using storage::Result;

constexpr uint64_t kLinesAProgressCheck = 1 << 14;

// The file's bytes as memory; the pages are read as they are looked at.
class MappedFile {
 public:
  ~MappedFile() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }

  Result<std::string_view> Open(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return Fail("cannot open load-file '" + path + "': " + std::strerror(errno));
    struct stat status {};
    ::fstat(descriptor, &status);
    if (!S_ISREG(status.st_mode)) {
      ::close(descriptor);
      return Fail("cannot read load-file '" + path + "': it is not a regular file");
    }
    size_ = static_cast<size_t>(status.st_size);
    if (size_ > 0) {
      void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
      if (mapped == MAP_FAILED) {
        const std::string why = std::strerror(errno);
        ::close(descriptor);
        return Fail("cannot read load-file '" + path + "': " + why);
      }
      data_ = mapped;
      ::madvise(data_, size_, MADV_SEQUENTIAL);
    }
    ::close(descriptor);
    return std::string_view(static_cast<const char*>(data_), size_);
  }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

std::string BadLine(const std::string& path, uint64_t number, std::string_view why) {
  return "load-file '" + path + "' line " + std::to_string(number) + ": " + std::string(why) +
         " (expected '<key> <value>'; load-file-strict no skips such lines)";
}

}  // namespace

Result<LoadSummary> LoadFile(const std::string& path, const LoadFileOptions& options, storage::Txn& txn) {
  MappedFile file;
  const Result<std::string_view> opened = file.Open(path);
  if (!opened) return Fail(opened.error().text);
  const std::string_view bytes = *opened;
  LoadSummary summary;
  storage::OnceASecond once_a_second(txn.store().clock());
  uint64_t number = 0;
  for (size_t at = 0; at < bytes.size();) {
    const size_t line_end = std::min(bytes.find('\n', at), bytes.size());
    const std::string_view line = bytes.substr(at, line_end - at);
    at = line_end + 1;
    ++number;
    if (number % kLinesAProgressCheck == 0 && options.progress && once_a_second.IsDue()) {
      options.progress(at, bytes.size());
    }
    if (line.empty()) continue;
    const size_t separator = line.find_first_of(" \t");
    if (separator == 0 || separator == std::string_view::npos) {
      if (options.strict) {
        return Fail(BadLine(path, number, separator == 0 ? "it begins with white space" : "there is no value"));
      }
      ++summary.skipped;
      continue;
    }
    const std::string_view key = line.substr(0, separator);
    txn.LockKey(key);
    storage::Place place = txn.Find(0, key, storage::Intent::kCheck);
    txn.Do(place, storage::StringPut{line.substr(separator + 1)}, storage::events::kNone);
    txn.Unlock();
    ++summary.lines;
  }
  return summary;
}

}  // namespace ringkv::server
