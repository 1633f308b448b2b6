// SPDX-License-Identifier: MIT
// ringkv-check: verifies, dumps and recovers the files of a data set without a server.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "check/jobs.h"
#include "storage/disk/posix_file_system.h"

namespace ringkv::check {
namespace {

struct Arguments {
  std::string path;
  std::string dump;
  bool fix = false;
  bool yes = false;
  std::string recover_to;
  std::string into;
  PrefixOptions prefixes;
  std::string snapshot_name = "dump.rkv";
  std::string log_directory = "appendonlydir";
  storage::DbIndex databases = 16;
};

void Declare(CLI::App& app, Arguments& arguments) {
  app.add_option("path", arguments.path, "a server's data directory, a log file or a snapshot")->required();
  CLI::Option* dump = app.add_option("--dump", arguments.dump,
                                     "write the data as commands, as JSON lines, or as an append-only "
                                     "directory of Redis")
                          ->check(CLI::IsMember({"resp", "json", "aof"}));
  CLI::Option* fix = app.add_flag("--fix", arguments.fix,
                                  "return to the last good state before the first damage, after a confirmation");
  app.add_flag("--yes", arguments.yes, "with --fix: without a confirmation")->needs(fix);
  CLI::Option* recover = app.add_option("--recover-to", arguments.recover_to,
                                        "write the state at an LSN, or at a time such as 2026-11-21T10:00:00Z");
  CLI::Option* into = app.add_option("--into", arguments.into, "with --recover-to and --dump aof: the new directory");
  recover->needs(into);
  dump->excludes(fix)->excludes(recover);
  fix->excludes(recover);
  CLI::Option* prefixes = app.add_flag("--prefixes", arguments.prefixes.wanted, "show keys and bytes per key prefix");
  app.add_option("--separator", arguments.prefixes.separator, "separator at the end of a prefix")
      ->needs(prefixes)
      ->capture_default_str();
  app.add_option("--depth", arguments.prefixes.depth, "number of separators in a prefix")
      ->needs(prefixes)
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--top", arguments.prefixes.most, "number of prefixes to show")
      ->needs(prefixes)
      ->capture_default_str();
  prefixes->excludes(dump)->excludes(fix)->excludes(recover);
  app.add_option("--dbfilename", arguments.snapshot_name, "the server's option")->capture_default_str();
  app.add_option("--appenddirname", arguments.log_directory, "the server's option")->capture_default_str();
  app.add_option("--databases", arguments.databases, "the server's option")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
}

bool Ask(const std::string& question) {
  std::cout << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

ExitStatus Run(const Arguments& arguments) {
  storage::PosixFileSystem files;
  Context context{.files = files, .out = std::cout, .err = std::cerr, .databases = arguments.databases, .ask = Ask};
  if (arguments.yes) context.ask = [](const std::string&) { return true; };
  const std::string& path = arguments.path;
  std::error_code ignored;
  const bool is_directory = std::filesystem::is_directory(path, ignored);
  const storage::DataFiles data{.directory = path,
                                .snapshot_name = arguments.snapshot_name,
                                .log_directory = storage::JoinPath(path, arguments.log_directory)};
  if (!arguments.recover_to.empty()) {
    if (is_directory) return RecoverTo(context, data, arguments.recover_to, arguments.into);
    std::cerr << "--recover-to needs the data directory; '" << path << "' is not a directory\n";
    return ExitStatus::kFailed;
  }
  if (!arguments.into.empty() && arguments.recover_to.empty() && arguments.dump != "aof") {
    std::cerr << "--into needs --recover-to or --dump aof\n";
    return ExitStatus::kFailed;
  }
  if (arguments.dump == "aof") {
    if (is_directory && !arguments.into.empty()) return DumpAof(context, data, arguments.into);
    std::cerr << "--dump aof needs the data directory, and --into with a new directory\n";
    return ExitStatus::kFailed;
  }
  if (!arguments.dump.empty()) {
    const DumpFormat format = arguments.dump == "resp" ? DumpFormat::kResp : DumpFormat::kJson;
    return is_directory ? DumpDirectory(context, data, format) : DumpFile(context, path, format);
  }
  if (arguments.fix) return is_directory ? FixDirectory(context, data) : FixFile(context, path);
  return is_directory ? CheckDirectory(context, data, arguments.prefixes)
                      : CheckFile(context, path, arguments.prefixes);
}

}  // namespace
}  // namespace ringkv::check

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  CLI::App app(
      "Verifies, dumps and recovers the data files of a RingKV server offline.\n"
      "Exits with 0 if all files are good, 1 if one is damaged or torn, 2 if the job failed.",
      "ringkv-check");
  ringkv::check::Arguments arguments;
  ringkv::check::Declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ringkv::check::ExitStatus::kFailed);
  }
  ringkv::check::ExitStatus outcome = ringkv::check::Run(arguments);
  if (!std::cout.flush()) {
    std::cerr << "cannot write the output\n";
    outcome = ringkv::check::ExitStatus::kFailed;
  }
  return static_cast<int>(outcome);
}
