// SPDX-License-Identifier: MIT
// What a node of a shard says of itself: read from its INFO, as Sentinel reads it, or made by this node of itself.
//
// Threads: values.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringkv::server {

struct NodeAddress {
  std::string host;  // empty: not known
  int64_t port = 0;

  auto operator<=>(const NodeAddress&) const = default;
  bool is_known() const { return !host.empty(); }
  // With the brackets that an IPv6 address needs before a port.
  std::string Text() const {
    const bool has_colons = host.find(':') != std::string::npos;
    return (has_colons ? "[" + host + "]:" : host + ":") + std::to_string(port);
  }
};

struct NodeReport {
  std::string run_id;
  bool is_primary = true;
  NodeAddress primary = {};  // that a replica follows
  bool is_linked = false;    // to it
  int64_t unlinked_ms = 0;   // for how long it has not been
  int64_t priority = 100;    // replica-priority
  bool is_announced = true;  // replica-announced
  int64_t offset = 0;
  std::optional<uint64_t> epoch = {};  // grows with each promotion; nothing: it is no RingKV
  std::string service = {};            // the name under which it answers for its shard (sentinel-master-name)
  std::vector<NodeAddress> replicas = {};
};

// Whether it may stand for a host in the words and lines that nodes and clients read.
bool IsNodeHost(std::string_view host);
inline bool IsNodePort(int64_t port) { return port > 0 && port <= UINT16_MAX; }

// The sections of INFO that ParseReport reads.
constexpr std::string_view kReportedSections[] = {"server", "replication", "sentinel"};

// Nothing if the text does not say which role the node has.
std::optional<NodeReport> ParseReport(std::string_view info);

}  // namespace ringkv::server
