// SPDX-License-Identifier: MIT
// Whom a link goes to, and how far it is.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "server/base/text.h"

namespace ringkv::server {

enum class LinkPhase : uint8_t { kNone, kConnect, kConnecting, kSync, kConnected };

struct PrimaryAddress {
  std::string host;
  int port = 0;
  std::string id = {};  // of the node that is meant; empty: whoever is there
};

// Of an option that has passed its check.
inline PrimaryAddress ParseAddress(const std::string& host_and_port) {
  const std::vector<std::string_view> words = Words(host_and_port);
  return {std::string(words[0]), std::atoi(std::string(words[1]).c_str())};
}

}  // namespace ringkv::server
