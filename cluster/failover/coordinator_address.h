// SPDX-License-Identifier: MIT
// The option `coordinator`: static, or etcd://HOST:PORT,HOST:PORT.../NAME, or etcds:// for https.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.h"

namespace ringkv::cluster {

struct CoordinatorAddress {
  std::vector<std::string> members;  // http://HOST:PORT
  std::string cluster;
};

// Of any but the static one.
storage::Result<CoordinatorAddress> ParseCoordinator(std::string_view text);

}  // namespace ringkv::cluster
