// SPDX-License-Identifier: MIT
// What a node says of itself to the others (CLUSTER ANNOUNCED), and whether it does.
//
// Threads: a value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringkv::cluster {

struct NodeNews {
  std::string ip = {};        // empty: the host in the cluster-config
  std::string hostname = {};  // empty: likewise, if that is a name
  int port = 0;               // 0: likewise
  bool has_failed = false;    // it has not answered for cluster-node-timeout; not a part of the line
  bool operator==(const NodeNews&) const = default;
};

// The line, without its mark as a reply.
std::string PrintNews(const NodeNews& news);
// Of the reply. Nothing if it says something else, as a node of another version might.
std::optional<NodeNews> ParseNews(std::string_view line);

}  // namespace ringkv::cluster
