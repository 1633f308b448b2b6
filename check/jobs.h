// SPDX-License-Identifier: MIT
// The jobs of ringkv-check; each is one option of the command line.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "check/data_set.h"
#include "check/dump.h"
#include "storage/durability/recovery.h"

namespace ringkv::check {

// The exit status of the program.
enum class ExitStatus : uint8_t {
  kGood = 0,
  kFoundDamage = 1,  // a file has damage or a torn tail
  kFailed = 2,       // the job failed
};

struct Context {
  storage::FileSystem& files;
  std::ostream& out;
  std::ostream& err;
  storage::DbIndex databases = 16;
  // Asks the user for confirmation; true for yes.
  std::function<bool(const std::string& question)> ask = [](const std::string&) { return false; };

  // Reports the error of a failed job.
  ExitStatus Failed(const std::string& why) {
    err << why << "\n";
    return ExitStatus::kFailed;
  }
};

struct PrefixOptions {
  bool wanted = false;
  char separator = ':';
  size_t depth = 1;
  size_t most = 30;
};

// Verifies every file of the data set, then reports whether a server would start with these files, and its state.
ExitStatus CheckDirectory(Context& context, const storage::DataFiles& data, const PrefixOptions& prefixes);
ExitStatus CheckFile(Context& context, const std::string& path, const PrefixOptions& prefixes);

// The data of the directory for a dump, or null with the error, or its warnings, reported; `status`: that of the error.
std::unique_ptr<DataSet> LoadForDump(Context& context, const storage::DataFiles& data, ExitStatus* status);
// Dumps the state that a server would start with; of a single file, its content in order.
ExitStatus DumpDirectory(Context& context, const storage::DataFiles& data, DumpFormat format);
ExitStatus DumpFile(Context& context, const std::string& path, DumpFormat format);
// Writes that state into a new or empty directory, as redis-server 7.0 loads it.
ExitStatus DumpAof(Context& context, const storage::DataFiles& data, const std::string& new_directory);

// Returns to the last good state before the first damage, after a confirmation. Damaged files are renamed to *.damaged;
// a torn tail is truncated.
ExitStatus FixDirectory(Context& context, const storage::DataFiles& data);
// Truncates a log file to its readable part, after a confirmation.
ExitStatus FixFile(Context& context, const std::string& path);

// Writes the state at `moment` (an LSN or a time) into a new or empty directory.
ExitStatus RecoverTo(Context& context, const storage::DataFiles& data, const std::string& moment,
                     const std::string& new_directory);

// Makes a directory for the files of a job. An error if it holds something.
storage::Status MakeEmptyDirectory(storage::FileSystem& files, const std::string& path);

}  // namespace ringkv::check
