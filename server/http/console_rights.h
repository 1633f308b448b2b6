// SPDX-License-Identifier: MIT
// What the console offers and runs: a request stands alone there, and with http-console readonly it changes nothing.
//
// Threads: pure functions.
#pragma once

#include "server/command/command.h"
#include "server/config/options.h"
#include "server/users/permissions.h"

namespace ringkv::server::http {

inline bool IsReadOnlyConsole(const Options& options) {
  return options.http_console == static_cast<int64_t>(ConsoleMode::kReadOnly);
}

// Whether the command changes neither data nor the server. A script may call what does, though its row says otherwise.
inline bool OnlyShows(const Command& row) {
  return (row.Is(kReadOnly) || row.Has(kOnlyShows)) && !row.Has(kRunsScript);
}

// Whether it is about the connection that sends it: over HTTP there is none between two requests.
inline bool IsOfConnection(const Command& row) {
  constexpr uint32_t kOfSession =
      kChangesSession | kOfLinks | kRunsInMulti | kEndsMulti | kWatchesKeys | kSelectsDatabase;
  return row.Has(kOfSession) || row.channels.Is(kChannelSubscribe | kChannelUnsubscribe);
}

// Whether a selector of the user permits the command, at least with some keys or first arguments.
inline bool MayRun(const Permissions& user, size_t command) {
  const auto permits = [&](const Selector& selector) {
    return selector.commands.test(command) || selector.first_arguments.contains(command);
  };
  if (permits(user.root)) return true;
  for (const Selector& each : user.more) {
    if (permits(each)) return true;
  }
  return false;
}

}  // namespace ringkv::server::http
