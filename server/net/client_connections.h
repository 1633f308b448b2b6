// SPDX-License-Identifier: MIT
// The open connections of one I/O thread, by client id.
//
// Threads: confined.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/net/client_connection.h"

namespace ringkv::server {

class ClientConnections {
 public:
  ClientConnection& Add(std::unique_ptr<ClientConnection> connection) {
    ClientConnection& added = *connection;
    by_id_.emplace(added.id(), std::move(connection));
    return added;
  }
  // Null if the client is gone.
  ClientConnection* Find(uint64_t id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second.get();
  }
  // Null if it is not here.
  std::unique_ptr<ClientConnection> Remove(uint64_t id) {
    const auto node = by_id_.extract(id);
    return node.empty() ? nullptr : std::move(node.mapped());
  }
  bool empty() const { return by_id_.empty(); }
  // A copy, because a call of a connection may remove it.
  std::vector<ClientConnection*> All() const {
    std::vector<ClientConnection*> all;
    all.reserve(by_id_.size());
    for (const auto& [id, connection] : by_id_) all.push_back(connection.get());
    return all;
  }

 private:
  std::unordered_map<uint64_t, std::unique_ptr<ClientConnection>> by_id_;
};

}  // namespace ringkv::server
