// SPDX-License-Identifier: MIT
#include "tests/support/faulty_file_system.h"

#include <algorithm>
#include <cstring>

namespace ringkv::test {
namespace {

using storage::Fail;
using storage::MutexLock;
using storage::OpenMode;
using storage::Result;
using storage::Status;

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

}  // namespace

class FaultyFileSystem::OpenFile final : public storage::File {
 public:
  OpenFile(FaultyFileSystem& disk, std::shared_ptr<Node> node) : disk_(disk), node_(std::move(node)) {}

  Status Append(std::string_view bytes) override {
    MutexLock lock(disk_.mutex_);
    if (!disk_.MayGoOn()) {
      node_->bytes.append(bytes.substr(0, bytes.size() / 2));
      return Fail("injected: cannot write");
    }
    const size_t room = disk_.capacity_ - std::min(disk_.capacity_, disk_.UsedBytes());
    node_->bytes.append(bytes.substr(0, room));
    if (room < bytes.size()) return Fail("injected: no space left on device");
    return {};
  }

  Result<size_t> ReadAt(uint64_t offset, char* to, size_t size) override {
    MutexLock lock(disk_.mutex_);
    const size_t from = std::min<size_t>(offset, node_->bytes.size());
    const size_t count = std::min(size, node_->bytes.size() - from);
    std::memcpy(to, node_->bytes.data() + from, count);
    return count;
  }

  Result<uint64_t> Size() override {
    MutexLock lock(disk_.mutex_);
    return node_->bytes.size();
  }

  Status Truncate(uint64_t size) override {
    MutexLock lock(disk_.mutex_);
    if (!disk_.MayGoOn()) return Fail("injected: cannot truncate");
    node_->bytes.resize(size);
    node_->durable_bytes = std::min(node_->durable_bytes, node_->bytes.size());
    return {};
  }

  Status Sync() override {
    MutexLock lock(disk_.mutex_);
    if (!disk_.MayGoOn()) {
      node_->lost = true;
      return Fail("injected: cannot sync");
    }
    if (!node_->lost) node_->durable_bytes = node_->bytes.size();
    return {};
  }

 private:
  FaultyFileSystem& disk_;
  const std::shared_ptr<Node> node_;
};

bool FaultyFileSystem::MayGoOn() {
  const size_t operation = operations_++;
  return operation < fail_first_ || operation - fail_first_ >= fail_count_;
}

size_t FaultyFileSystem::UsedBytes() const {
  size_t sum = 0;
  for (const auto& [name, node] : names_) sum += node->bytes.size();
  return sum;
}

void FaultyFileSystem::FailFrom(size_t first, size_t count) {
  fail_first_ = operations_ + first;
  fail_count_ = count;
}

void FaultyFileSystem::Crash(const std::function<size_t(size_t)>& keep) {
  MutexLock lock(mutex_);
  names_ = durable_names_;
  for (auto& [name, node] : names_) {
    const size_t unsynced = node->bytes.size() - node->durable_bytes;
    node->bytes.resize(node->durable_bytes + (node->lost ? 0 : keep(unsynced)));
    node->durable_bytes = node->bytes.size();
    node->lost = false;
  }
}

Result<std::unique_ptr<storage::File>> FaultyFileSystem::Open(const std::string& path, OpenMode mode) {
  MutexLock lock(mutex_);
  if (mode != OpenMode::kRead && !MayGoOn()) return Fail("injected: cannot open '" + path + "'");
  if (mode == OpenMode::kReplace) {
    names_[path] = std::make_shared<Node>();
  } else if (names_.count(path) == 0) {
    return Fail("cannot open '" + path + "': there is none");
  }
  return std::make_unique<OpenFile>(*this, names_[path]);
}

bool FaultyFileSystem::Exists(const std::string& path) {
  MutexLock lock(mutex_);
  return std::any_of(names_.begin(), names_.end(),
                     [&](const auto& each) { return each.first == path || each.first.rfind(path + "/", 0) == 0; });
}

Result<std::vector<std::string>> FaultyFileSystem::List(const std::string& directory) {
  MutexLock lock(mutex_);
  std::vector<std::string> found;
  for (const auto& [name, node] : names_) {
    if (DirectoryOf(name) == directory) found.push_back(name.substr(directory.empty() ? 0 : directory.size() + 1));
  }
  return found;
}

Status FaultyFileSystem::MakeDirectory(const std::string&) {
  MutexLock lock(mutex_);
  if (!MayGoOn()) return Fail("injected: cannot make directory");
  return {};
}

Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  MutexLock lock(mutex_);
  if (!MayGoOn()) return Fail("injected: cannot rename");
  auto moved = names_.extract(from);
  names_[to] = moved.mapped();
  return {};
}

Status FaultyFileSystem::Remove(const std::string& path) {
  MutexLock lock(mutex_);
  if (!MayGoOn()) return Fail("injected: cannot remove");
  names_.erase(path);
  return {};
}

Status FaultyFileSystem::SyncDirectory(const std::string& path) {
  MutexLock lock(mutex_);
  if (!MayGoOn()) return Fail("injected: cannot sync directory");
  std::erase_if(durable_names_, [&](const auto& each) { return DirectoryOf(each.first) == path; });
  for (const auto& [name, node] : names_) {
    if (DirectoryOf(name) == path) durable_names_[name] = node;
  }
  return {};
}

Result<std::unique_ptr<storage::FileLock>> FaultyFileSystem::Lock(const std::string&) {
  return std::make_unique<storage::FileLock>();
}

}  // namespace ringkv::test
