// SPDX-License-Identifier: MIT
// The log for operators: lines of time, level, thread and text.
//
// Threads: synchronised.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace ringkv::server {

enum class LogLevel : uint8_t { kDebug, kVerbose, kNotice, kWarning };

class Log {
 public:
  Log();
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Logs to the file, or to standard output if the path is empty. False (with the reason) if it cannot be opened; then
  // the previous destination stays in use.
  bool Open(const std::string& path, std::string* error);
  // Logs to syslog too. `facility`: 0 for user, 1 to 8 for local0 to local7.
  void AddSyslog(const std::string& ident, int facility);
  // Reopens the file, after it was rotated.
  bool Reopen(std::string* error);
  void SetLevel(LogLevel level);
  void Write(LogLevel level, const std::string& text);

  void Notice(const std::string& text) { Write(LogLevel::kNotice, text); }
  void Warning(const std::string& text) { Write(LogLevel::kWarning, text); }

 private:
  struct Sink;
  std::unique_ptr<Sink> sink_;
};

// Sets the name of this thread for log lines and system tools; at most 15 characters.
void NameThisThread(const std::string& name);

}  // namespace ringkv::server
