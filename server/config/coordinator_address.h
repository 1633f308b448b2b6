// SPDX-License-Identifier: MIT
// The option `coordinator`: static, or etcd://HOST:PORT,HOST:PORT.../NAME, or etcds:// for https.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/config/options.h"
#include "storage/base/result.h"

namespace ringkv::server {

struct CoordinatorAddress {
  std::vector<std::string> members;  // http://HOST:PORT
  std::string cluster;
};

// Of any but the static one.
storage::Result<CoordinatorAddress> ParseCoordinator(std::string_view text);

constexpr std::string_view kStaticCoordinator = "static";
// Whether somebody outside of this server decides its role.
inline bool HasCoordinator(const Options& options) {
  const std::string who = options.coordinator.Get();
  return !who.empty() && who != kStaticCoordinator;
}

}  // namespace ringkv::server
