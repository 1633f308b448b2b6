// SPDX-License-Identifier: MIT
// Whom a link goes to, and how far it is.
#pragma once

#include <cstdint>
#include <string>

namespace ringkv::server {

enum class LinkPhase : uint8_t { kNone, kConnect, kConnecting, kSync, kConnected };

struct PrimaryAddress {
  std::string host;
  int port = 0;
};

}  // namespace ringkv::server
