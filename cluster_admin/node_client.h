// SPDX-License-Identifier: MIT
// A synchronous client of one node, with a bounded wait for each reply.
//
// Threads: confined.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "resp/reply.h"
#include "storage/base/result.h"
#include "transport/channel.h"
#include "transport/tls_context.h"

namespace ringkv::cluster_admin {

// `user`: empty for `default`.
struct Credentials {
  std::string user;
  std::string password;
};

class NodeClient {
 public:
  // From now on connects with TLS. `host_name`: that is told to the nodes (SNI); empty for the host that is asked.
  // Before the first connection.
  static void UseTls(std::shared_ptr<const transport::TlsContext> context, std::string host_name);
  // Whom Connect authenticates as, from now on; with an empty password it does not.
  static void UseCredentials(Credentials credentials);
  static const Credentials& credentials();
  static bool uses_tls();
  // An error names the address and the reason.
  static storage::Result<std::unique_ptr<NodeClient>> Connect(const std::string& host, int port);
  // Like Connect, but without authentication.
  static storage::Result<std::unique_ptr<NodeClient>> ConnectAsStranger(const std::string& host, int port);
  // Nobody listens there: connections are refused.
  static bool IsRefused(const std::string& host, int port);
  NodeClient(const NodeClient&) = delete;
  NodeClient& operator=(const NodeClient&) = delete;

  // The reply of the node, which may be an error reply.
  storage::Result<resp::Reply> Exchange(const std::vector<std::string>& command);
  // The reply of the node; an error reply is returned as an error. While a script keeps the node busy, or it loads its
  // data, it is asked again, for a minute; standard error says so.
  storage::Result<resp::Reply> Ask(const std::vector<std::string>& command);
  // A field of INFO; empty if it does not exist.
  storage::Result<std::string> Info(const std::string& field);

 private:
  NodeClient(transport::Channel channel, std::string where) : channel_(std::move(channel)), where_(std::move(where)) {}

  using Time = std::chrono::steady_clock::time_point;

  // Waits for an event of the channel. False if it has not come until then.
  bool WaitFor(short events, Time until) const;

  // The reply at the beginning of what was received, of this size.
  storage::Result<resp::Reply> TakeReply(size_t size);

  transport::Channel channel_;
  const std::string where_;
  std::string received_;
  bool has_received_ = false;
};

}  // namespace ringkv::cluster_admin
