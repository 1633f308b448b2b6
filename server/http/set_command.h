// SPDX-License-Identifier: MIT
// The SET of a request, and the ttl parameter of a query, a form or JSON.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "resp/integer_text.h"
#include "server/http/exchange.h"

namespace ringkv::server::http {

// The value may be long, and is not copied.
inline std::vector<std::string> SetCommand(std::string key, std::string value) {
  std::vector<std::string> argv;
  argv.emplace_back("SET");
  argv.push_back(std::move(key));
  argv.push_back(std::move(value));
  return argv;
}

// Appends EX with the seconds to a SET. If the text is not a number above 0, responds and returns false.
inline bool AppendLifetime(Exchange& exchange, const std::string& ttl, std::vector<std::string>* argv) {
  const std::optional<int64_t> seconds = resp::ParseInteger(ttl);
  if (!seconds || *seconds <= 0) {
    exchange.Fail(400, "ttl is a number of seconds above 0");
    return false;
  }
  argv->insert(argv->end(), {"EX", ttl});
  return true;
}

}  // namespace ringkv::server::http
