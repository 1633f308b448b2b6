// SPDX-License-Identifier: MIT
// The real binary on a free port, ended with the test.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace ringkv::test {

// Waits until the condition holds. False after a generous deadline.
bool Eventually(const std::function<bool()>& condition);

class ServerProcess {
 public:
  enum class Wait { kUntilReady, kNot };
  // A configuration file may come before the options. Waits for the ready line, unless the program ends before or its
  // log goes elsewhere (then: Wait::kNot, no port).
  explicit ServerProcess(std::vector<std::string> options = {}, Wait wait = Wait::kUntilReady);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  int port() const { return port_; }
  pid_t pid() const { return pid_; }
  std::string Log() const;
  // After SIGSTOP the server has stopped when it returns.
  void Signal(int signal) const;
  // Waits for the end; returns the exit status, or -1 if it did not come.
  int WaitForEnd();
  size_t ResidentBytes() const;
  // The most that it has had so far.
  size_t PeakResidentBytes() const;

  // A connected, blocking socket with a time limit for reads; the caller closes it.
  int Connect() const;
  // Likewise, with socket buffers of so many bytes on this side, and a time limit for sending too.
  int ConnectWithBuffers(int bytes) const;
  // Executes one inline command on a connection of its own and returns the first line of the reply.
  std::string Ask(const std::string& command) const;
  // A field of INFO.
  std::string Info(const std::string& field) const;

 private:
  void ConnectTo(int socket) const;

  pid_t pid_ = -1;
  int port_ = 0;
  TempDir directory_;  // where it works, unless the options name another
  std::string log_path_;
};

std::string Repeat(const std::string& text, int count);

void SendAll(int socket, const std::string& bytes);
// Reads until so many bytes have come or the other side closes.
std::string ReceiveExactly(int socket, size_t bytes);
std::string ReceiveToEnd(int socket);

}  // namespace ringkv::test
