// SPDX-License-Identifier: MIT
// The connection of a client, of the kind that its card says.
#pragma once

#include <memory>

#include "server/net/client_connection.h"
#include "transport/channel.h"

namespace ringkv::server {

class IoThread;
struct ClientCard;

std::unique_ptr<ClientConnection> MakeConnection(IoThread& thread, transport::Channel channel,
                                                 const std::shared_ptr<ClientCard>& card);

}  // namespace ringkv::server
