// SPDX-License-Identifier: MIT
// Lines for the person who runs the server: time, level, thread, text.
//
// Threads: own synchronisation.
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

  // Writes to the file, or to standard output if the path is empty. False (with the reason) if it can't be opened;
  // lines then go where they went before.
  bool Open(const std::string& path, std::string* error);
  // Opens the same file anew, after it was moved away.
  bool Reopen(std::string* error);
  void SetLevel(LogLevel level);
  void Write(LogLevel level, const std::string& text);

  void Notice(const std::string& text) { Write(LogLevel::kNotice, text); }
  void Warning(const std::string& text) { Write(LogLevel::kWarning, text); }

 private:
  struct Sink;
  std::unique_ptr<Sink> sink_;
};

// The name under which a thread appears in log lines and in the system's tools; 15 characters at most.
void NameThisThread(const std::string& name);

}  // namespace ringkv::server
