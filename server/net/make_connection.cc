// SPDX-License-Identifier: MIT
#include "server/net/make_connection.h"

#include <utility>

#include "server/net/connection.h"
#include "server/net/http_connection.h"

namespace ringkv::server {

std::unique_ptr<ClientConnection> MakeConnection(IoThread& thread, transport::Channel channel,
                                                 const std::shared_ptr<ClientCard>& card) {
  if (card->is_http) return std::make_unique<HttpConnection>(thread, std::move(channel), card);
  return std::make_unique<Connection>(thread, std::move(channel), card);
}

}  // namespace ringkv::server
