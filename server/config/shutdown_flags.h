// SPDX-License-Identifier: MIT
// The flags of SHUTDOWN that a signal implies: the options shutdown-on-sigint and shutdown-on-sigterm.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringkv::server {

struct ShutdownFlags {
  bool save = false;
  bool nosave = false;
  bool now = false;    // does not wait for replicas
  bool force = false;  // a failed snapshot does not keep the server up
};

// Nothing if a word is unknown.
std::optional<ShutdownFlags> ParseShutdownFlags(std::string_view text);
// As CONFIG GET shows them; "default" for none.
std::string PrintShutdownFlags(const ShutdownFlags& flags);

}  // namespace ringkv::server
