// SPDX-License-Identifier: MIT
// Execution of commands that come from another server's stream or file, and so have no connection.
#pragma once

#include <span>
#include <string_view>

#include "server/execution/caller.h"

namespace ringkv::server {

enum class LoneOutcome : uint8_t {
  kDone,             // the reply is written
  kPostponed,        // nothing happened: to be executed again
  kMeansConnection,  // the command asks for what only a connection can give
};

LoneOutcome ExecuteAlone(const Caller& caller, std::span<const std::string_view> argv);

// The first error of a reply, without its CRLF; it is one of several in the reply of EXEC.
std::string_view FirstError(std::string_view reply);

}  // namespace ringkv::server
