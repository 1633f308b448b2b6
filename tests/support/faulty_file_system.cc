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

// --- a file ---------------------------------------------------------------------------------------------------------

void FaultyFileSystem::Node::Write(std::string_view more) {
  KeepDurable(end);
  const size_t before = bytes.size();
  if (before < end + more.size()) bytes.resize(end + more.size());
  zeros -= std::min(zeros, bytes.size() - before);
  bytes.replace(end, more.size(), more);
  end += more.size();
}

void FaultyFileSystem::Node::Truncate(size_t size) {
  KeepDurable(size);
  bytes.resize(std::min(size, bytes.size()));
  zeros = size - bytes.size();
  end = std::min(end, size);
}

void FaultyFileSystem::Node::Sync() {
  overwritten.reset();
  durable_bytes = bytes.size();
  durable_zeros = zeros;
  durable_end = end;
}

void FaultyFileSystem::Node::Crash(size_t kept, const std::function<void(std::string&)>& tear) {
  std::string tail = kept == 0 ? "" : bytes.substr(durable_end, kept);
  if (kept > 0) tear(tail);
  if (overwritten) {
    bytes = std::move(*overwritten);
  } else {
    bytes.resize(durable_bytes);
  }
  zeros = durable_zeros;
  end = durable_end;
  if (kept > 0) Write(tail);
  end = size();
  lost = false;
  Sync();
}

class FaultyFileSystem::OpenFile final : public storage::File {
 public:
  OpenFile(FaultyFileSystem& disk, std::string path, std::shared_ptr<Node> node)
      : disk_(disk), path_(std::move(path)), node_(std::move(node)) {}

  Status Append(std::string_view bytes) override {
    disk_.Announce("append", path_, bytes.size());
    MutexLock lock(disk_.mutex_);
    if (!disk_.MayGoOn()) {
      if (!disk_.is_dead()) node_->Write(bytes.substr(0, bytes.size() / 2));
      return Fail("injected: cannot write");
    }
    const size_t free = disk_.capacity_ - std::min(disk_.capacity_, disk_.UsedBytes());
    const size_t room = free + node_->size() - node_->end;
    node_->Write(bytes.substr(0, room));
    if (room < bytes.size()) return Fail("injected: no space left on device");
    return {};
  }

  Status Reserve(uint64_t size) override {
    disk_.Announce("reserve", path_, size);
    MutexLock lock(disk_.mutex_);
    if (!disk_.MayGoOn()) return Fail("injected: cannot reserve");
    const size_t room = disk_.capacity_ - std::min(disk_.capacity_, disk_.UsedBytes());
    const size_t wanted = std::max<size_t>(size, node_->size());
    if (wanted - node_->size() > room) return Fail("injected: no space left on device");
    node_->zeros = wanted - node_->bytes.size();
    return {};
  }

  Result<size_t> ReadAt(uint64_t offset, char* to, size_t size) override {
    MutexLock lock(disk_.mutex_);
    const size_t from = std::min<size_t>(offset, node_->size());
    const size_t count = std::min(size, node_->size() - from);
    const size_t written = std::min(count, node_->bytes.size() - std::min(from, node_->bytes.size()));
    if (written > 0) std::memcpy(to, node_->bytes.data() + from, written);
    if (count > written) std::memset(to + written, 0, count - written);
    return count;
  }

  Result<uint64_t> Size() override {
    MutexLock lock(disk_.mutex_);
    return node_->size();
  }

  Status Truncate(uint64_t size) override {
    disk_.Announce("truncate", path_, size);
    MutexLock lock(disk_.mutex_);
    if (!disk_.MayGoOn()) return Fail("injected: cannot truncate");
    node_->Truncate(size);
    return {};
  }

  Status Sync() override {
    disk_.Announce("sync", path_);
    MutexLock lock(disk_.mutex_);
    if (!disk_.MayGoOn()) {
      node_->lost = node_->lost || !disk_.is_dead();
      return Fail("injected: cannot sync");
    }
    if (node_->lost) return {};
    node_->Sync();
    return {};
  }

 private:
  FaultyFileSystem& disk_;
  const std::string path_;
  const std::shared_ptr<Node> node_;
};

void FaultyFileSystem::Announce(std::string_view operation, const std::string& path, size_t bytes) {
  if (told_) told_(operation, path, bytes);
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
  for (const auto& [name, node] : names_) sum += node->size();
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

void FaultyFileSystem::Crash(const std::function<size_t(size_t)>& keep, const std::function<void(std::string&)>& tear) {
  MutexLock lock(mutex_);
  kill_at_ = SIZE_MAX;
  names_ = durable_names_;
  for (auto& [name, node] : names_) {
    const size_t unsynced = node->end - std::min(node->end, node->durable_end);
    node->Crash(node->lost ? 0 : keep(unsynced), tear);
  }
}

std::string FaultyFileSystem::FlipBit(uint64_t which) {
  MutexLock lock(mutex_);
  size_t all = 0;
  for (const auto& [name, node] : names_) all += node->bytes.size();
  size_t at = all == 0 ? 0 : which / 8 % all;
  for (auto& [name, node] : names_) {
    if (at < node->bytes.size()) {
      const auto bit = static_cast<char>(1 << (which % 8));
      node->bytes[at] = static_cast<char>(node->bytes[at] ^ bit);
      if (node->overwritten && at < node->overwritten->size()) (*node->overwritten)[at] = node->bytes[at];
      return name;
    }
    at -= node->bytes.size();
  }
  return "";
}

std::string& FaultyFileSystem::Bytes(const std::string& path) {
  Node& node = *names_.at(path);
  node.KeepDurable(0);
  node.bytes.resize(node.size());
  node.zeros = 0;
  return node.bytes;
}

Result<std::unique_ptr<storage::File>> FaultyFileSystem::Open(const std::string& path, OpenMode mode) {
  if (mode != OpenMode::kRead) Announce("open", path);
  MutexLock lock(mutex_);
  if (mode != OpenMode::kRead && !MayGoOn()) return Fail("injected: cannot open '" + path + "'");
  if (mode == OpenMode::kReplace || mode == OpenMode::kReplaceUncached) {
    names_[path] = std::make_shared<Node>();
  } else if (names_.count(path) == 0) {
    return Fail("cannot open '" + path + "': there is none");
  } else if (mode == OpenMode::kModify) {
    names_[path]->end = names_[path]->size();
  }
  return std::make_unique<OpenFile>(*this, path, names_[path]);
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
  Announce("make directory", path);
  MutexLock lock(mutex_);
  if (!MayGoOn()) return Fail("injected: cannot make directory");
  directories_.insert(path);
  return {};
}

Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  Announce("rename to", to);
  MutexLock lock(mutex_);
  if (!MayGoOn()) return Fail("injected: cannot rename");
  if (names_.count(from) == 0) return Fail("cannot rename '" + from + "': there is none");
  auto moved = names_.extract(from);
  names_[to] = moved.mapped();
  return {};
}

Status FaultyFileSystem::Remove(const std::string& path) {
  Announce("remove", path);
  MutexLock lock(mutex_);
  if (!MayGoOn()) return Fail("injected: cannot remove");
  return names_.erase(path) == 1 ? Status() : Fail("cannot remove '" + path + "': there is none");
}

Status FaultyFileSystem::SyncDirectory(const std::string& path) {
  Announce("sync directory", path);
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
