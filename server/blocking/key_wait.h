// SPDX-License-Identifier: MIT
// The interface of a handler to blocking: a handler that finds nothing says so, and is called again when one of its
// keys has changed. So one function serves the immediate reply, the later one, EXEC and HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "storage/entry/entry.h"

namespace ringkv::server {

// Filled in by a handler that has found nothing.
struct KeyWaitPlan {
  bool is_retry = false;    // the client is blocked already: keys of another type count as missing
  bool would_wait = false;  // set by the handler, which has written no reply then
  int64_t deadline_ms = 0;  // INT64_MAX: none
  storage::ValueType wanted = storage::ValueType::kString;  // the value type that the client waits for
  // The condition on values of that type. If a request finds nothing in a key, others with an equal condition find
  // nothing either.
  std::string sought = {};
  // Arguments whose meaning depends on the time, such as $, with their resolved values; in ascending order.
  std::vector<std::pair<size_t, std::string>> resolved = {};
};

}  // namespace ringkv::server
