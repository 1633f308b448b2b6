// SPDX-License-Identifier: MIT
// Asks one node, and waits for its answer for a bounded time.
//
// Threads: confined.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "resp/reply.h"
#include "storage/base/result.h"

namespace ringkv::cluster_admin {

class NodeClient {
 public:
  // Gives the password of the environment, REDISCLI_AUTH, if there is one. An error says who could not be reached, and
  // why.
  static storage::Result<std::unique_ptr<NodeClient>> Connect(const std::string& host, int port);
  // Likewise, but gives no password.
  static storage::Result<std::unique_ptr<NodeClient>> ConnectAsStranger(const std::string& host, int port);
  ~NodeClient();
  NodeClient(const NodeClient&) = delete;
  NodeClient& operator=(const NodeClient&) = delete;

  // What the node answers, be it an error.
  storage::Result<resp::Reply> Exchange(const std::vector<std::string>& command);
  // What the node answers; an answer that is an error is an error here too.
  storage::Result<resp::Reply> Ask(const std::vector<std::string>& command);
  // A field of INFO; empty if there is none.
  storage::Result<std::string> Info(const std::string& field);

 private:
  NodeClient(int descriptor, std::string where) : descriptor_(descriptor), where_(std::move(where)) {}

  const int descriptor_;
  const std::string where_;
  std::string received_;
};

}  // namespace ringkv::cluster_admin
