// SPDX-License-Identifier: MIT
// A disk in memory that forgets, fails and fills up as a test says.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/disk/file_system.h"

namespace ringkv::test {

class FaultyFileSystem final : public storage::FileSystem {
 public:
  storage::Result<std::unique_ptr<storage::File>> Open(const std::string& path, storage::OpenMode mode) override;
  bool Exists(const std::string& path) override;
  storage::Result<std::vector<std::string>> List(const std::string& directory) override;
  storage::Status MakeDirectory(const std::string& path) override;
  storage::Status Rename(const std::string& from, const std::string& to) override;
  storage::Status Remove(const std::string& path) override;
  storage::Status SyncDirectory(const std::string& path) override;
  storage::Result<std::unique_ptr<storage::FileLock>> Lock(const std::string& path) override;

  // Operations that change something, so far.
  size_t operations() const { return operations_; }
  // From the n-th of them on (counted from 0), so many fail. An append that fails leaves half of its bytes; a sync that
  // fails loses what it should have kept, although later syncs say that all is well.
  void FailFrom(size_t first, size_t count);
  void Heal() { FailFrom(0, 0); }
  // The process is killed before the n-th of them: from there on all fail, and nothing changes, until Revive or Crash.
  void KillFrom(size_t n);
  bool is_dead() const { return operations_ > kill_at_; }
  void Revive();
  // Is told of each of them, before it happens or fails: its name, the path, and the number of bytes.
  using Told = std::function<void(std::string_view operation, const std::string& path, size_t bytes)>;
  void set_on_operation(Told told) { told_ = std::move(told); }
  // Called before each of them, but for those that it does itself.
  void set_before_operation(std::function<void()> hook) { hook_ = std::move(hook); }
  // Bytes that fit on the disk altogether.
  void SetCapacity(size_t bytes) { capacity_ = bytes; }

  // The machine goes down: names that were not synced are as before, files have what was synced and, of the rest, as
  // many bytes as `keep` says of how many there are, in the state that `tear` leaves them in.
  void Crash(
      const std::function<size_t(size_t unsynced)>& keep = [](size_t) { return size_t{0}; },
      const std::function<void(std::string& kept)>& tear = [](std::string&) {});

  // Flips a bit of what is on the disk, and says of which file; empty if there is none.
  std::string FlipBit(uint64_t which);

  // The file as it is; for tests that damage it.
  std::string& Bytes(const std::string& path);

 private:
  // What was synced is a prefix of the bytes, unless `overwritten` has it: a sync of an append costs as much as the
  // append.
  struct Node {
    std::string bytes;
    size_t zeros = 0;  // reserved behind them
    size_t end = 0;    // of what was appended
    // As of the last sync.
    size_t durable_bytes = 0;
    size_t durable_zeros = 0;
    size_t durable_end = 0;
    std::optional<std::string> overwritten;  // the durable bytes, if those in `bytes` have changed since
    bool lost = false;                       // a sync has failed: what came since may never reach the disk

    size_t size() const { return bytes.size() + zeros; }
    // Before the bytes from there on change.
    void KeepDurable(size_t from) {
      if (from < durable_bytes && !overwritten) overwritten = bytes.substr(0, durable_bytes);
    }
    void Write(std::string_view more);
    void Truncate(size_t size);
    void Sync();
    void Crash(size_t kept, const std::function<void(std::string&)>& tear);
  };
  class OpenFile;

  // Calls the hook. Not under the lock.
  void Announce(std::string_view operation, const std::string& path, size_t bytes = 0);
  // Counts an operation; false if it is to fail.
  bool MayGoOn();
  size_t UsedBytes() const;

  storage::Mutex mutex_;
  std::map<std::string, std::shared_ptr<Node>> names_;
  std::map<std::string, std::shared_ptr<Node>> durable_names_;
  std::map<std::string, std::shared_ptr<bool>> locks_;
  std::set<std::string> directories_;  // that were made; a crash leaves them
  size_t operations_ = 0;
  size_t fail_first_ = 0;
  size_t fail_count_ = 0;
  size_t kill_at_ = SIZE_MAX;
  Told told_;
  std::function<void()> hook_;
  bool is_in_hook_ = false;
  size_t capacity_ = SIZE_MAX;
};

}  // namespace ringkv::test
