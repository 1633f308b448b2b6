// SPDX-License-Identifier: MIT
#include "server/process/crash_log.h"

#include <execinfo.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <string_view>

#include "server/base/version.h"

namespace ringkv::server {
namespace {

constexpr size_t kMostPath = 4096;
constexpr int kMostCalls = 64;

// A handler of signals gets nothing handed in, and belongs to the process.
std::atomic<bool> crash_log_is_on{false};
std::array<char, kMostPath> crash_log_path{};

void WriteLine(int file, std::string_view text) {
  [[maybe_unused]] const ssize_t written = ::write(file, text.data(), text.size());
}

// Calls only what is safe in a handler.
void WriteCrash(int signal) {
  const bool has_path = crash_log_path[0] != '\0';
  const int file = has_path ? ::open(crash_log_path.data(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) : 1;
  if (file < 0) return;
  WriteLine(file, "warning: RingKV ");
  WriteLine(file, kRingKvVersion);
  WriteLine(file, " crashes by SIG");
  const char* name = ::sigabbrev_np(signal);
  WriteLine(file, name != nullptr ? name : "?");
  WriteLine(file, "; its calls, for addr2line -e ringkv-server:\n");
  void* calls[kMostCalls];
  ::backtrace_symbols_fd(calls, ::backtrace(calls, kMostCalls), file);
  WriteLine(file, "warning: end of the calls; please report them\n");
}

void OnCrash(int signal) {
  if (crash_log_is_on) WriteCrash(signal);
  ::raise(signal);  // has its default effect when this handler returns: the end, and a core file if there are any
}

}  // namespace

void InstallCrashLog(const std::string& log_path) {
  log_path.copy(crash_log_path.data(), kMostPath - 1);
  // Its first call loads a library, which a handler must not do.
  void* call = nullptr;
  ::backtrace(&call, 1);
  struct sigaction handler {};
  handler.sa_handler = OnCrash;
  handler.sa_flags = static_cast<int>(SA_RESETHAND) | SA_ONSTACK;
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    struct sigaction old {};
    ::sigaction(signal, nullptr, &old);
    if (old.sa_handler == SIG_DFL) ::sigaction(signal, &handler, nullptr);
  }
}

void EnableCrashLog(bool on) { crash_log_is_on = on; }

}  // namespace ringkv::server
