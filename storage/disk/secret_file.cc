// SPDX-License-Identifier: MIT
#include "storage/disk/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace ringkv::storage {
namespace {

// Gives the new file the owner and group of the old one, and returns its mode: without the group's permissions if the
// group could not be kept.
mode_t TakeOver(int file, const struct stat& old) {
  const mode_t mode = old.st_mode & 07777;
  if (::fchown(file, old.st_uid, old.st_gid) == 0) return mode;
  const bool keeps_group = ::fchown(file, static_cast<uid_t>(-1), old.st_gid) == 0;
  return keeps_group ? mode : mode & ~mode_t{070};
}

bool SetOwner(int file, const std::string& path, FileOwner owner) {
  struct stat old {};
  if (owner == FileOwner::kThisUser || ::stat(path.c_str(), &old) != 0) return true;
  return ::fchmod(file, TakeOver(file, old)) == 0;
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

}  // namespace

Status ReplaceSecretFile(const std::string& path, std::string_view text, FileOwner owner) {
  const std::string temporary = path + ".rewrite-" + std::to_string(::getpid());
  ::unlink(temporary.c_str());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return Fail("cannot create '" + temporary + "': " + std::strerror(errno));
  const bool done =
      SetOwner(file, path, owner) && WriteAll(file, text) && ::rename(temporary.c_str(), path.c_str()) == 0;
  const int error = errno;
  ::close(file);
  if (done) return {};
  ::unlink(temporary.c_str());
  return Fail("cannot write '" + path + "': " + std::strerror(error));
}

}  // namespace ringkv::storage
