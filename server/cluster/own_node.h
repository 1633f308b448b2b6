// SPDX-License-Identifier: MIT
// The id by which a coordinator knows this node: random, and kept beside its data. So a node whose disk is empty is
// another one, which nobody takes for one that has what was acknowledged.
#pragma once

#include <string>

#include "server/base/world.h"
#include "server/config/options.h"
#include "storage/base/result.h"

namespace ringkv::server {

storage::Result<std::string> OwnNodeId(const World& world);

// Where other nodes find this one: replica-announce-ip, or the name of the host.
std::string OwnHost(const Options& options);

}  // namespace ringkv::server
