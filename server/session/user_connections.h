// SPDX-License-Identifier: MIT
// What a change of users means for connections that there are.
#pragma once

#include <memory>
#include <vector>

#include "server/pubsub/broker.h"
#include "server/session/client_directory.h"
#include "server/users/users.h"

namespace ringkv::server {

// The clients whose users have been removed, and those that are subscribed to a channel which their user may not use
// any more. They are marked as closing; close them. Call after each change.
std::vector<std::shared_ptr<ClientCard>> ForbiddenClients(const ClientDirectory& clients, Broker& broker,
                                                          const Users& users);

}  // namespace ringkv::server
