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
    disk_.Announce();
    MutexLock lock(disk_.mutex_);
    if (!disk_.MayGoOn()) {
      if (!disk_.is_dead()) Write(bytes.substr(0, bytes.size() / 2));
      return Fail("injected: cannot write");
    }
    const size_t free = disk_.capacity_ - std::min(disk_.capacity_, disk_.UsedBytes());
    const size_t room = free + node_->bytes.size() - node_->end;
    Write(bytes.substr(0, room));
    if (room < bytes.size()) return Fail("injected: no space left on device");
    return {};
  }

  Status Reserve(uint64_t size) override {
    disk_.Announce();
    MutexLock lock(disk_.mutex_);
    if (!disk_.MayGoOn()) return Fail("injected: cannot reserve");
    const size_t room = disk_.capacity_ - std::min(disk_.capacity_, disk_.UsedBytes());
    const size_t wanted = std::max<size_t>(size, node_->bytes.size());
    if (wanted - node_->bytes.size() > room) return Fail("injected: no space left on device");
    node_->bytes.resize(wanted, '\0');
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
    disk_.Announce();
    MutexLock lock(disk_.mutex_);
    if (!disk_.MayGoOn()) return Fail("injected: cannot truncate");
    node_->bytes.resize(size);
    node_->end = std::min<size_t>(node_->end, size);
    return {};
  }

  Status Sync() override {
    disk_.Announce();
    MutexLock lock(disk_.mutex_);
    if (!disk_.MayGoOn()) {
      node_->lost = node_->lost || !disk_.is_dead();
      return Fail("injected: cannot sync");
    }
    if (node_->lost) return {};
    node_->durable = node_->bytes;
    node_->durable_end = node_->end;
    return {};
  }

 private:
  void Write(std::string_view bytes) {
    if (node_->bytes.size() < node_->end + bytes.size()) node_->bytes.resize(node_->end + bytes.size());
    node_->bytes.replace(node_->end, bytes.size(), bytes);
    node_->end += bytes.size();
  }

  FaultyFileSystem& disk_;
  const std::shared_ptr<Node> node_;
};

void FaultyFileSystem::Announce() {
  if (!hook_ || is_in_hook_ || is_dead()) return;
  is_in_hook_ = true;
  hook_();
  is_in_hook_ = false;
}

bool FaultyFileSystem::MayGoOn() {
  const size_t operation = operations_++;
  if (is_dead()) return false;
  return operation < fail_first_ || operation - fail_first_ >= fail_count_;
}

size_t FaultyFileSystem::UsedBytes() const {
  size_t sum = 0;
  for (const auto& [name, node] : names_) sum += node->bytes.size();
  return sum;
}

void FaultyFileSystem::FailFrom(size_t first, size_t count) {
  MutexLock lock(mutex_);
  fail_first_ = operations_ + first;
  fail_count_ = count;
}

void FaultyFileSystem::KillFrom(size_t n) {
  MutexLock lock(mutex_);
  kill_at_ = operations_ + n;
}

void FaultyFileSystem::Revive() {
  MutexLock lock(mutex_);
  kill_at_ = SIZE_MAX;
}

void FaultyFileSystem::Crash(const std::function<size_t(size_t)>& keep) {
  MutexLock lock(mutex_);
  kill_at_ = SIZE_MAX;
  names_ = durable_names_;
  for (auto& [name, node] : names_) {
    const size_t unsynced = node->end - std::min(node->end, node->durable_end);
    const size_t kept = node->lost ? 0 : keep(unsynced);
    const std::string tail = kept == 0 ? "" : node->bytes.substr(node->durable_end, kept);
    node->bytes = node->durable;
    if (node->bytes.size() < node->durable_end + kept) node->bytes.resize(node->durable_end + kept);
    node->bytes.replace(node->durable_end, kept, tail);
    node->end = node->bytes.size();
    node->durable = node->bytes;
    node->durable_end = node->end;
    node->lost = false;
  }
}

Result<std::unique_ptr<storage::File>> FaultyFileSystem::Open(const std::string& path, OpenMode mode) {
  if (mode != OpenMode::kRead) Announce();
  MutexLock lock(mutex_);
  if (mode != OpenMode::kRead && !MayGoOn()) return Fail("injected: cannot open '" + path + "'");
  if (mode == OpenMode::kReplace || mode == OpenMode::kReplaceUncached) {
    names_[path] = std::make_shared<Node>();
  } else if (names_.count(path) == 0) {
    return Fail("cannot open '" + path + "': there is none");
  } else if (mode == OpenMode::kModify) {
    names_[path]->end = names_[path]->bytes.size();
  }
  return std::make_unique<OpenFile>(*this, names_[path]);
}

bool FaultyFileSystem::Exists(const std::string& path) {
  MutexLock lock(mutex_);
  if (directories_.count(path) != 0) return true;
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

Status FaultyFileSystem::MakeDirectory(const std::string& path) {
  Announce();
  MutexLock lock(mutex_);
  if (!MayGoOn()) return Fail("injected: cannot make directory");
  directories_.insert(path);
  return {};
}

Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  Announce();
  MutexLock lock(mutex_);
  if (!MayGoOn()) return Fail("injected: cannot rename");
  if (names_.count(from) == 0) return Fail("cannot rename '" + from + "': there is none");
  auto moved = names_.extract(from);
  names_[to] = moved.mapped();
  return {};
}

Status FaultyFileSystem::Remove(const std::string& path) {
  Announce();
  MutexLock lock(mutex_);
  if (!MayGoOn()) return Fail("injected: cannot remove");
  return names_.erase(path) == 1 ? Status() : Fail("cannot remove '" + path + "': there is none");
}

Status FaultyFileSystem::SyncDirectory(const std::string& path) {
  Announce();
  MutexLock lock(mutex_);
  if (!MayGoOn()) return Fail("injected: cannot sync directory");
  std::erase_if(durable_names_, [&](const auto& each) { return DirectoryOf(each.first) == path; });
  for (const auto& [name, node] : names_) {
    if (DirectoryOf(name) == path) durable_names_[name] = node;
  }
  return {};
}

Result<std::unique_ptr<storage::FileLock>> FaultyFileSystem::Lock(const std::string& path) {
  struct HeldLock final : storage::FileLock {
    explicit HeldLock(std::shared_ptr<bool> is_held) : held(std::move(is_held)) { *held = true; }
    ~HeldLock() override { *held = false; }
    const std::shared_ptr<bool> held;
  };
  std::shared_ptr<bool>& held = locks_.try_emplace(path, std::make_shared<bool>(false)).first->second;
  if (*held) return storage::Fail("'" + path + "' is locked");
  return std::make_unique<HeldLock>(held);
}

}  // namespace ringkv::test
