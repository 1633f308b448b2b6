// SPDX-License-Identifier: MIT
#include "server/observe/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <syslog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "storage/base/mutex.h"

namespace ringkv::server {
namespace {

class ThreadNameFlag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg&, const std::tm&, spdlog::memory_buf_t& out) override {
    std::array<char, 16> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    const std::string_view text(name.data());
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<ThreadNameFlag>(); }
};

spdlog::level::level_enum LevelOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::trace;
    case LogLevel::kVerbose: return spdlog::level::debug;
    case LogLevel::kNotice: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
  }
  return spdlog::level::info;
}

std::string_view NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kVerbose: return "verbose";
    case LogLevel::kNotice: return "notice";
    case LogLevel::kWarning: return "warning";
  }
  return "";
}

// A FIFO that no process reads would block whoever opens it, and spdlog would create a directory that is missing.
bool CanBeWritten(const std::string& path, std::string* error) {
  constexpr mode_t kPermissions = 0644;
  if (path.empty()) return true;
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, kPermissions);
  if (descriptor >= 0) ::close(descriptor);
  if (descriptor < 0) *error = errno == ENXIO ? "no process reads this FIFO" : std::strerror(errno);
  return descriptor >= 0;
}

}  // namespace

struct Log::Sink {
  storage::Mutex mutex;
  std::shared_ptr<spdlog::logger> logger GUARDED_BY(mutex);
  std::string path GUARDED_BY(mutex);
  spdlog::sink_ptr syslog GUARDED_BY(mutex);
  spdlog::level::level_enum level GUARDED_BY(mutex) = spdlog::level::info;
};

Log::Log() : sink_(std::make_unique<Sink>()) {
  std::string error;
  Open("", &error);
}

Log::~Log() = default;

bool Log::Open(const std::string& path, std::string* error) {
  if (!CanBeWritten(path, error)) return false;
  std::shared_ptr<spdlog::logger> logger;
  try {
    spdlog::sink_ptr sink;
    if (path.empty()) {
      sink = std::make_shared<spdlog::sinks::stdout_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
    }
    logger = std::make_shared<spdlog::logger>("ringkv", std::move(sink));
  } catch (const spdlog::spdlog_ex& failure) {
    *error = failure.what();
    return false;
  }
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<ThreadNameFlag>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%e%z [%*] %v");
  logger->set_formatter(std::move(formatter));
  logger->flush_on(spdlog::level::trace);
  storage::MutexLock lock(sink_->mutex);
  if (sink_->syslog != nullptr) logger->sinks().push_back(sink_->syslog);
  logger->set_level(sink_->level);
  sink_->logger = std::move(logger);
  sink_->path = path;
  return true;
}

void Log::AddSyslog(const std::string& ident, int facility) {
  constexpr std::array kFacilities = {LOG_USER,   LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3,
                                      LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7};
  const bool formats = false;  // syslog adds the time by itself
  std::string path;
  {
    storage::MutexLock lock(sink_->mutex);
    sink_->syslog = std::make_shared<spdlog::sinks::syslog_sink_mt>(
        ident, LOG_PID, kFacilities[static_cast<size_t>(facility)], formats);
    path = sink_->path;
  }
  std::string ignored;
  Open(path, &ignored);
}

bool Log::Reopen(std::string* error) {
  std::string path;
  {
    storage::MutexLock lock(sink_->mutex);
    path = sink_->path;
  }
  return path.empty() || Open(path, error);
}

void Log::SetLevel(LogLevel level) {
  storage::MutexLock lock(sink_->mutex);
  sink_->level = LevelOf(level);
  sink_->logger->set_level(sink_->level);
}

void Log::Write(LogLevel level, const std::string& text) {
  std::shared_ptr<spdlog::logger> logger;
  {
    storage::MutexLock lock(sink_->mutex);
    logger = sink_->logger;
  }
  if (logger->should_log(LevelOf(level))) logger->log(LevelOf(level), "{}: {}", NameOf(level), text);
}

void NameThisThread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

}  // namespace ringkv::server
