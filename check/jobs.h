// SPDX-License-Identifier: MIT
// What the program does: each job is one option of the command line.
#pragma once

#include <functional>
#include <ostream>
#include <string>

#include "check/dump.h"
#include "storage/durability/recovery.h"

namespace ringkv::check {

// How the program ends.
enum class Outcome : uint8_t {
  kGood = 0,
  kFoundDamage = 1,  // something is not as it was written, be it only a torn tail
  kFailed = 2,       // what was asked for could not be done
};

struct Context {
  storage::FileSystem& files;
  std::ostream& out;
  std::ostream& err;
  storage::DbIndex databases = 16;
  // Asks the person at the terminal; true for yes.
  std::function<bool(const std::string& question)> ask = [](const std::string&) { return false; };

  // Says why something could not be done.
  Outcome Failed(const std::string& why) {
    err << why << "\n";
    return Outcome::kFailed;
  }
};

struct PrefixOptions {
  bool wanted = false;
  char separator = ':';
  size_t depth = 1;
  size_t most = 30;
};

// Reads every file of the data set and says what it is worth; then whether a server would start from them, and with
// what.
Outcome CheckDirectory(Context& context, const storage::DataFiles& data, const PrefixOptions& prefixes);
Outcome CheckFile(Context& context, const std::string& path, const PrefixOptions& prefixes);

// The state that a server would start with; of a file, what it holds, in order.
Outcome DumpDirectory(Context& context, const storage::DataFiles& data, DumpFormat format);
Outcome DumpFile(Context& context, const std::string& path, DumpFormat format);

// Goes back to what is good before the first damage, after asking. Damaged files are kept as *.damaged; a torn tail is
// cut off.
Outcome FixDirectory(Context& context, const storage::DataFiles& data);
// Truncates a log file where it can't be read any further, after asking.
Outcome FixFile(Context& context, const std::string& path);

// Writes the state at `moment` (an LSN, or a time) into a directory that is new or empty.
Outcome RecoverTo(Context& context, const storage::DataFiles& data, const std::string& moment,
                  const std::string& new_directory);

}  // namespace ringkv::check
