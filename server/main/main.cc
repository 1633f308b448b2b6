// SPDX-License-Identifier: MIT
// The program: options, data directory, server, network, and all of it in reverse at the end.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "server/base/version.h"
#include "server/cluster/cluster_state.h"
#include "server/command/command_table.h"
#include "server/commands/families.h"
#include "server/composition/server.h"
#include "server/config/data_directory.h"
#include "server/config/has_coordinator.h"
#include "server/http/response.h"
#include "server/http/route_table.h"
#include "server/loading/redis_files.h"
#include "server/loading/start_data.h"
#include "server/migration/load_aof.h"
#include "server/net/network.h"
#include "server/options/command_line.h"
#include "server/options/config_file.h"
#include "server/options/help_text.h"
#include "server/options/option_conflicts.h"
#include "server/options/option_table.h"
#include "server/options/tls_setup.h"
#include "server/process/cpu_list.h"
#include "server/process/crash_log.h"
#include "server/process/file_limit.h"
#include "server/process/huge_pages.h"
#include "server/process/processors.h"
#include "server/process/service_notify.h"
#include "server/replication/replication.h"
#include "storage/base/allocator.h"
#include "storage/base/huge_pages.h"
#include "storage/disk/posix_file_system.h"

namespace ringkv::server {
namespace {

// Without the threads that wait for what a script has locked.
[[noreturn]] void EndAtOnce(Server& server, const std::string& pid_path) {
  server.log().Warning("a script has changed data and has not ended: nothing of that is kept");
  while (server.durability().log().is_open() && server.durability().log().Step()) {
  }
  if (!pid_path.empty()) ::unlink(pid_path.c_str());
  ::_exit(0);
}

constexpr int64_t kMostThreadsByItself = 8;
constexpr auto kMoment = std::chrono::milliseconds(250);

int FailStart(const std::string& text) {
  std::cerr << "ringkv-server: " << text << "\n";
  return 1;
}

// Goes on in a child without a terminal. The parent ends here.
bool Daemonize() {
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child > 0) ::_exit(0);
  ::setsid();
  const int null = ::open("/dev/null", O_RDWR);
  if (null >= 0) {
    for (const int standard : {0, 1, 2}) ::dup2(null, standard);
    if (null > 2) ::close(null);
  }
  return true;
}

// Makes `dir` absolute, which is what CONFIG GET tells.
storage::Status LocateDirectory(Options& options) {
  const std::string dir = options.dir.Get();
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(dir.empty() ? "." : dir, error);
  if (error) return storage::Fail("cannot use dir '" + dir + "': " + error.message());
  const bool is_directory = std::filesystem::is_directory(path, error);
  if (!is_directory || ::access(path.c_str(), X_OK) != 0) {
    return storage::Fail("cannot use dir '" + dir + "': " + (is_directory ? std::strerror(errno) : "Not a directory"));
  }
  options.dir.Set(path.string());
  return {};
}

// Lowers maxclients to what the limit of open files carries, and says so.
void FitFileLimit(Server& server) {
  SharedNumber& most = server.options().maxclients;
  const int64_t served = RaiseFileLimit(most, server.options().io_threads);
  if (served == most) return;
  server.log().Warning("the limit of open files is too low: serving " + std::to_string(served) +
                       " clients at a time instead of maxclients " + std::to_string(most) +
                       " (raise it with ulimit -n)");
  most = served;
}

bool WritePidFile(const std::string& path) {
  // Without blocking, which is how a FIFO would be opened that no process reads.
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0644);
  if (file < 0) return false;
  const std::string text = std::to_string(::getpid()) + "\n";
  const bool is_written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  return is_written;
}

// The lock of the directory if this server will write there, or finds data, which recovery may have to mend. Null for a
// cache: any number of those may share a directory.
storage::Result<std::unique_ptr<storage::FileLock>> LockWhatIsThere(storage::FileSystem& files,
                                                                    const Options& options) {
  const storage::DataFiles data = DataKeeper::FilesOf(options);
  bool is_needed =
      HasCoordinator(options) || options.appendonly != 0 || options.cluster_enabled != 0 || !options.save.Get().empty();
  if (!is_needed) {
    const storage::Result<std::optional<uint64_t>> seed = storage::FindHashSeed(files, data);
    is_needed = !seed || seed->has_value();
  }
  return is_needed ? storage::LockData(files, data) : nullptr;
}

void SayWhatIsIdle(Server& server) {
  const std::string names = IdleOptionsIn(server.options());
  if (names.empty()) return;
  server.log().Notice("options with nothing to act on here, see docs/configuration.md: " + names);
}

void SayReady(Server& server) {
  Options& options = server.options();
  if (options.protected_mode == 0 && server.users().default_user()->permissions()->needs_no_password) {
    server.log().Warning(
        "protected-mode is off and no password is set: every client that reaches these ports can read and change all "
        "data (set requirepass, or restrict access to the ports)");
  }
  server.log().Notice("RingKV " + std::string(kRingKvVersion) + " is ready: port " + std::to_string(options.port) +
                      (options.tls_port == 0 ? "" : ", tls-port " + std::to_string(options.tls_port)) +
                      (options.http_port == 0 ? "" : ", http-port " + std::to_string(options.http_port)) + ", pid " +
                      std::to_string(::getpid()) + ", io-threads " + std::to_string(options.io_threads) +
                      (options.unixsocket.Get().empty() ? "" : ", unix socket " + options.unixsocket.Get()));
}

// Whether a service manager waits to be told that the server is ready.
bool IsSupervised(const Options& options) {
  const auto by = static_cast<SupervisedBy>(options.supervised.load());
  return by == SupervisedBy::kSystemd || (by == SupervisedBy::kAuto && std::getenv("NOTIFY_SOCKET") != nullptr);
}

void Tell(const Options& options, std::string_view state) {
  if (IsSupervised(options)) NotifyService(state);
}

// A part of this that fails is logged, and the server serves without it.
void FitProcess(Server& server, char** argv) {
  const Options& options = server.options();
  if (options.syslog_enabled != 0) {
    server.log().AddSyslog(options.syslog_ident.Get(), static_cast<int>(options.syslog_facility));
  }
  server.process_title().TakeArguments(argv, server.config_path());
}

int Run(const std::vector<std::string>& arguments, char** argv) {
  Options options;
  SetDefaults(options);
  if (const storage::Result<bool> read = ReadEnvironment(options); !read) return FailStart(read.error().text);
  const storage::Result<std::string> config_path = ReadCommandLine(arguments, options);
  if (!config_path) return FailStart(config_path.error().text);
  if (const auto why = WhyNotRenamed(CommandsWith(options), options.renamed_commands)) return FailStart(*why);
  if (const storage::Status agree = CheckConflicts(options); !agree) return FailStart(agree.error().text);
  if (const storage::Status found = LocateDirectory(options); !found) return FailStart(found.error().text);
  storage::PosixFileSystem files(options.dir.Get());
  // Before anything in it is touched; and while there is a terminal that an error can be read on.
  if (const storage::Status begins = CheckForRedisAof(files, options); !begins) return FailStart(begins.error().text);
  storage::Result<std::unique_ptr<storage::FileLock>> lock = LockWhatIsThere(files, options);
  if (!lock) return FailStart(lock.error().text);
  const bool in_background = options.daemonize != 0 && !IsSupervised(options);
  if (in_background && !Daemonize())
    return FailStart(std::string("cannot go to the background: ") + std::strerror(errno));
  if (*lock != nullptr) {
    if (const storage::Status is_signed = (*lock)->Sign(); !is_signed) return FailStart(is_signed.error().text);
  }
  std::signal(SIGPIPE, SIG_IGN);
  HoldSignals();
  const bool has_processors = RunOnProcessors(options.server_cpulist.Get());  // threads inherit them
  if (options.adapts_io_threads != 0) {
    options.io_threads = std::min(static_cast<int64_t>(UsableProcessors()), kMostThreadsByItself);
  }
  // Before much is allocated, and before there are other threads.
  const bool is_sparing = options.disable_thp == 0 || DisableHugePages();
  const bool has_huge_pages = options.huge_pages != 0 && storage::UseHugePages(storage::MachineMemory());
  storage::CountMemoryOfThisThread();

  const storage::SystemClock clock;
  storage::SystemChance chance;
  const storage::Result<std::optional<uint64_t>> seed = storage::FindHashSeed(files, DataKeeper::FilesOf(options));
  if (!seed) return FailStart(seed.error().text);
  Server server(options, {clock, files, chance}, CommandsWith(options), {http::RouteLabels(), http::kStatuses},
                *config_path, seed->value_or(chance.Next()));
  if (*lock != nullptr) server.durability().AdoptLock(std::move(*lock));
  FitProcess(server, argv);
  std::string why;
  const std::string log_path = InDataDirectory(options, options.logfile.Get());
  if (!log_path.empty() && !server.log().Open(log_path, &why)) {
    return FailStart("cannot open logfile '" + log_path + "': " + why);
  }
  InstallCrashLog(log_path);
  if (const storage::Status users = server.SetUpUsers(); !users) return FailStart(users.error().text);
  SayWhatIsIdle(server);
  if (!is_sparing) {
    server.log().Warning("cannot turn transparent huge pages off; the process may take more memory than it uses");
  }
  if (options.huge_pages != 0 && !has_huge_pages) {
    server.log().Warning("huge-pages has no effect: the system offers none to this process");
  }
  if (!has_processors) server.log().Warning("none of the processors in server_cpulist is there for this process");
  FitFileLimit(server);
  if (const storage::Status set_up = SetUpTls(options); !set_up) {
    server.log().Warning(set_up.error().text);
    return FailStart(set_up.error().text);
  }
  Network network(server);
  if (const storage::Result<bool> bound = network.Bind(); !bound) {
    server.log().Warning(bound.error().text);
    return FailStart(bound.error().text);
  }
  server.process_title().Show(options);  // the port is known now
  std::string pid_path = InDataDirectory(options, options.pidfile.Get());
  if (pid_path.empty() && in_background) pid_path = "/var/run/ringkv.pid";
  if (!pid_path.empty() && !WritePidFile(pid_path)) server.log().Warning("cannot write pidfile '" + pid_path + "'");
  // The port is known, by which this node may be found in the cluster-config.
  if (const storage::Status opened = server.cluster().Open(); !opened) return FailStart(opened.error().text);
  server.Start(network);
  // Requests are read and answered LOADING meanwhile, unless it is a matter of a moment.
  server.BeginLoading();
  std::promise<storage::Status> loaded;
  std::future<storage::Status> result = loaded.get_future();
  std::thread loader([&] {
    NameThisThread("loader");
    storage::CountMemoryOfThisThread();
    const World world{clock, files, chance};
    storage::Status status = LoadStartData(
        {.world = world,
         .options = options,
         .log = server.log(),
         .data = server.data(),
         .load_aof = [&] { return LoadAof(server.execution_parts(), world, server.watched_keys()); },
         .load_library = [&](storage::Txn& txn,
                             const std::string& code) { return server.scripts().LoadLibrary(txn, code); }});
    if (status) {
      server.scripts().functions().Load();  // runs their codes, for which no request is to wait
      server.EndLoading();
      status = server.StartLinks();
    }
    if (status) {
      SayReady(server);
      Tell(options, "READY=1");
    } else {
      network.Stop();
    }
    loaded.set_value(std::move(status));
  });
  result.wait_for(kMoment);
  network.Run();
  Tell(options, "STOPPING=1");
  if (server.scripts().has_stuck()) EndAtOnce(server, pid_path);
  loader.join();
  if (const storage::Status status = result.get(); !status) {
    server.log().Warning(status.error().text);
    return FailStart(status.error().text);
  }
  if (const storage::Status stopped = server.Stop(); !stopped) {
    server.log().Warning("not all of the log is safe: " + stopped.error().text);
  }
  if (!pid_path.empty()) ::unlink(pid_path.c_str());
  server.log().Notice("RingKV ends, bye");
  return 0;
}

}  // namespace
}  // namespace ringkv::server

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  ringkv::server::HideSecretArguments({argv + 1, argv + argc});
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--help" || arguments[i] == "-h") {
      std::cout << ringkv::server::HelpText(i + 1 < arguments.size() ? arguments[i + 1] : "");
      return 0;
    }
    if (arguments[i] == "--version" || arguments[i] == "-v") {
      std::cout << "RingKV " << ringkv::server::kRingKvVersion << " (speaks the protocol of Redis "
                << ringkv::server::kRedisVersion << ", allocator " << ringkv::storage::AllocatorName() << ")\n";
      return 0;
    }
  }
  return ringkv::server::Run(arguments, argv);
}
