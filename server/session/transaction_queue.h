// SPDX-License-Identifier: MIT
// The commands between MULTI and EXEC, with copies of their arguments.
//
// Threads: confined.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace ringkv::server {

struct CommandEntry;

class TransactionQueue {
 public:
  struct Queued {
    const CommandEntry* command;
    std::unique_ptr<char[]> bytes;
    std::vector<std::string_view> argv;  // into bytes
  };

  bool is_open() const { return is_open_; }
  void Open() { is_open_ = true; }
  // A command was refused, so EXEC will fail.
  void MarkFailed() {
    if (is_open_) has_failed_ = true;
  }
  bool has_failed() const { return has_failed_; }
  void Add(const CommandEntry& command, std::span<const std::string_view> argv);
  const std::vector<Queued>& commands() const { return commands_; }
  // Whether it runs scripts, or waits for them or another server.
  bool runs_long_commands() const { return runs_long_commands_; }
  // Whether EXEC may take long, and is suspended meanwhile.
  bool takes_turns() const { return runs_long_commands_ || commands_.size() > kManyCommands; }
  // The union of the queued commands' needs.
  uint32_t needs() const { return needs_; }
  size_t MemoryBytes() const { return bytes_; }
  // Returns the commands and closes the queue.
  std::vector<Queued> Close();

 private:
  static constexpr size_t kManyCommands = 2000;  // about a millisecond: other clients of the thread would feel more

  bool is_open_ = false;
  bool has_failed_ = false;
  bool runs_long_commands_ = false;
  uint32_t needs_ = 0;
  size_t bytes_ = 0;
  std::vector<Queued> commands_;
};

}  // namespace ringkv::server
