// SPDX-License-Identifier: MIT
// What a node that is started here has to know of users: who may come to it, and whom it is at the other nodes.
#pragma once

#include <span>
#include <string>

#include "cluster/topology.h"
#include "storage/base/result.h"

namespace ringkv::cluster_admin {

// Lines of a configuration for the nodes of a new cluster: the password of this program is that of `default`. Empty if
// it has none; an error if it is to be another user, whom nobody has made yet.
storage::Result<std::string> UsersOfNewCluster();
// The same for a node that joins these: as the first of them that answers says. An error is that of the first.
storage::Result<std::string> UsersLike(std::span<const cluster::Node> nodes);

}  // namespace ringkv::cluster_admin
