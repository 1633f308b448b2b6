// SPDX-License-Identifier: MIT
// How a command says that it would wait: the handler is called again when one of its keys has changed. So a blocking
// command is one that may find nothing, and the same function answers at once, later, inside of EXEC and over HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "storage/entry/entry.h"

namespace ringkv::server {

// What a handler leaves behind when it has found nothing.
struct KeyWaitPlan {
  bool is_retry = false;    // the client waits already: keys of another type are none to it
  bool would_wait = false;  // set by the handler, which has written nothing then
  int64_t deadline_ms = 0;  // INT64_MAX: none
  storage::ValueType wanted = storage::ValueType::kString;  // the type that it waits for
  // What it looks for in values of that type. Of two requests that wait for a key and look for the same, one finds
  // nothing in that key if the other found nothing at all.
  std::string sought = {};
  // Arguments that would mean something else later, as they read from now on.
  std::vector<std::pair<size_t, std::string>> resolved = {};
};

}  // namespace ringkv::server
