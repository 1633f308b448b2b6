// SPDX-License-Identifier: MIT
#include "tests/support/server_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/support/loopback.h"

namespace ringkv::test {
namespace {

constexpr auto kDeadline = std::chrono::seconds(60);
constexpr auto kPollInterval = std::chrono::milliseconds(5);

}  // namespace

bool Eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(kPollInterval);
  }
  return true;
}

ServerProcess::ServerProcess(std::vector<std::string> options, Wait wait) {
  char pattern[] = "/tmp/ringkv-log-XXXXXX";
  const int log = ::mkstemp(pattern);
  log_path_ = pattern;
  const char* binary = std::getenv("RINGKV_SERVER");
  const bool has_file = !options.empty() && !options[0].starts_with("-");
  const auto flags = options.begin() + (has_file ? 1 : 0);
  std::vector<std::string> words = {binary != nullptr ? binary : "build/ringkv-server"};
  words.insert(words.end(), options.begin(), flags);
  words.insert(words.end(), {"--port", "0", "--bind", "127.0.0.1", "--dir", directory_.Path("")});
  words.insert(words.end(), flags, options.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::setsid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // whoever kills the test ends its servers
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(log);
  if (wait == Wait::kNot) return;
  Eventually([&] {
    const std::string text = Log();
    const size_t at = text.find("is ready: port ");
    const bool is_ready = at != std::string::npos;
    if (is_ready) port_ = std::atoi(text.c_str() + at + 15);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    return is_ready || info.si_pid == pid_;
  });
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (testing::Test::HasFailure()) std::fprintf(stderr, "--- log of the server\n%s---\n", Log().c_str());
  ::unlink(log_path_.c_str());
}

std::string ServerProcess::Log() const {
  std::ifstream file(log_path_);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void ServerProcess::Signal(int signal) const {
  ::kill(pid_, signal);
  // On a busy machine its threads run on until one of them has taken the signal.
  siginfo_t stopped{};
  if (signal == SIGSTOP) ::waitid(P_PID, static_cast<id_t>(pid_), &stopped, WSTOPPED | WEXITED | WNOWAIT);
}

int ServerProcess::WaitForEnd() {
  int status = -1;
  const bool ended = Eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
  if (!ended) return -1;
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

size_t ServerProcess::ResidentBytes() const {
  std::ifstream statm("/proc/" + std::to_string(pid_) + "/statm");
  size_t pages = 0;
  size_t resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

size_t ServerProcess::PeakResidentBytes() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string word; status >> word;) {
    size_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

int ServerProcess::Connect() const {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ConnectTo(socket);
  return socket;
}

int ServerProcess::ConnectWithBuffers(int bytes) const {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  const timeval limit{20, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  ConnectTo(socket);
  return socket;
}

void ServerProcess::ConnectTo(int socket) const {
  const sockaddr_in address = LoopbackAt(port_);
  const timeval limit{60, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ADD_FAILURE() << "cannot connect to port " << port_;
  }
}

std::string ServerProcess::Ask(const std::string& command) const {
  const int socket = Connect();
  SendAll(socket, command + "\r\n");
  std::string line;
  char byte = 0;
  while (::recv(socket, &byte, 1, 0) == 1 && byte != '\n') line += byte;
  ::close(socket);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

std::string ServerProcess::Info(const std::string& field) const {
  const int socket = Connect();
  SendAll(socket, "INFO everything\r\nQUIT\r\n");
  const std::string page = ReceiveToEnd(socket);
  ::close(socket);
  const size_t at = page.find("\n" + field + ":");
  if (at == std::string::npos) return "";
  const size_t start = at + field.size() + 2;
  return page.substr(start, page.find('\r', start) - start);
}

std::string Repeat(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

void SendAll(int socket, const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<size_t>(count);
  }
}

std::string ReceiveExactly(int socket, size_t bytes) {
  std::string received(bytes, '\0');
  size_t have = 0;
  while (have < bytes) {
    const ssize_t count = ::recv(socket, received.data() + have, bytes - have, 0);
    if (count <= 0) break;
    have += static_cast<size_t>(count);
  }
  received.resize(have);
  return received;
}

std::string ReceiveToEnd(int socket) {
  std::string received;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::recv(socket, buffer, sizeof buffer, 0)) > 0;) {
    received.append(buffer, static_cast<size_t>(count));
  }
  return received;
}

}  // namespace ringkv::test
