// SPDX-License-Identifier: MIT
// The last lines of the log when the program crashes: the signal and the addresses of the calls.
//
// Threads: Install before threads run; Enable by any.
#pragma once

#include <string>

namespace ringkv::server {

// Handles the signals of crashes, but those that have a handler already. `log_path`: empty for standard output.
void InstallCrashLog(const std::string& log_path);
// Whether lines are written. The signal ends the program in any case.
void EnableCrashLog(bool on);

}  // namespace ringkv::server
