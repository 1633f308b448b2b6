// SPDX-License-Identifier: MIT
// Options of a cluster.
#include <algorithm>
#include <string>
#include <string_view>

#include "server/options/option_topics.h"

namespace ringkv::server {
namespace {

constexpr size_t kLongestHostName = 255;

bool IsOfHostNames(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

std::string CheckAnnouncedName(std::string_view value) {
  if (value.size() > kLongestHostName) return "Hostnames must be less than 256 characters";
  return std::all_of(value.begin(), value.end(), IsOfHostNames)
             ? ""
             : "Hostnames may only contain alphanumeric characters, hyphens or dots";
}

std::string CheckAnnouncedIp(std::string_view value) {
  const auto is_of_addresses = [](char c) { return IsOfHostNames(c) || c == ':'; };
  const bool is_address = value.size() <= kLongestHostName && std::all_of(value.begin(), value.end(), is_of_addresses);
  return is_address ? "" : "it takes an address or a host name";
}

constexpr OptionRow kClusterOptions[] = {
    {.name = "availability-zone",
     .type = OptionType::kText,
     .default_value = "",
     .changeable = true,
     .summary = "Name of the zone that this server is in. INFO and HELLO tell it to clients that read from one nearby.",
     .field = &Options::availability_zone},
    {.name = "cluster-enabled",
     .type = OptionType::kBoolean,
     .default_value = "no",
     .summary = "Runs as a node of the cluster in cluster-config.",
     .field = &Options::cluster_enabled},
    {.name = "cluster-config",
     .type = OptionType::kText,
     .default_value = "",
     .summary =
         "File that lists the cluster: its epoch, shards with weights, and nodes. CLUSTER RELOAD reads it again.",
     .field = &Options::cluster_config},
    {.name = "cluster-node-id",
     .type = OptionType::kText,
     .default_value = "",
     .summary = "Name of this node in cluster-config; empty for the only node with this port.",
     .field = &Options::cluster_node_id},
    {.name = "cluster-redirect",
     .type = OptionType::kChoice,
     .default_value = "moved",
     .choices = "moved proxy",
     .changeable = true,
     .summary = "Answer to requests for slots of other shards. moved: the MOVED error; proxy: the request is "
                "forwarded, for clients and load balancers without cluster support.",
     .field = &Options::cluster_redirect},
    {.name = "cluster-preferred-endpoint-type",
     .type = OptionType::kChoice,
     .default_value = "ip",
     .choices = "ip hostname unknown-endpoint",
     .changeable = true,
     .summary = "Address of nodes in redirects, CLUSTER SLOTS and CLUSTER SHARDS. ip: what the node announces "
                "(cluster-announce-ip), or the host in cluster-config; hostname: likewise, or ? without a name; "
                "unknown-endpoint: none, so that clients keep the host that they have connected to.",
     .field = &Options::cluster_preferred_endpoint_type},
    {.name = "cluster-slot-stats-enabled",
     .type = OptionType::kBoolean,
     .default_value = "no",
     .changeable = true,
     .summary = "Counts for CLUSTER SLOT-STATS what requests for each slot take: time and bytes of the network.",
     .field = &Options::cluster_slot_stats_enabled},
    {.name = "cluster-announce-ip",
     .type = OptionType::kText,
     .default_value = "",
     .changeable = true,
     .summary = "Address of this node that clients are told, by all nodes; empty for the host in cluster-config, which "
                "nodes use among themselves.",
     .field = &Options::cluster_announce_ip,
     .check = CheckAnnouncedIp},
    {.name = "cluster-announce-hostname",
     .type = OptionType::kText,
     .default_value = "",
     .changeable = true,
     .summary = "Host name of this node that clients are told, by all nodes; empty for the host in cluster-config, if "
                "it is a name.",
     .field = &Options::cluster_announce_hostname,
     .check = CheckAnnouncedName},
    {.name = "cluster-announce-port",
     .type = OptionType::kInteger,
     .default_value = "0",
     .least = 0,
     .most = 65535,
     .changeable = true,
     .summary = "Port of this node that clients are told, by all nodes; 0 for the port in cluster-config.",
     .field = &Options::cluster_announce_port},
    {.name = "cluster-announce-tls-port",
     .type = OptionType::kInteger,
     .default_value = "0",
     .least = 0,
     .most = 65535,
     .changeable = true,
     .summary = "Likewise, with tls-cluster yes, where the port in cluster-config is one with TLS.",
     .field = &Options::cluster_announce_tls_port},
    {.name = "cluster-require-full-coverage",
     .type = OptionType::kBoolean,
     .default_value = "yes",
     .changeable = true,
     .summary = "Refuses all requests with keys while the owner of a slot is unknown, or its primary has not answered "
                "this node for cluster-node-timeout. no: slots are served whose owner is there.",
     .field = &Options::cluster_require_full_coverage},
    {.name = "cluster-allow-reads-when-down",
     .type = OptionType::kBoolean,
     .default_value = "no",
     .changeable = true,
     .summary = "Reads are served although cluster-require-full-coverage refuses requests.",
     .field = &Options::cluster_allow_reads_when_down},
    {.name = "cluster-allow-pubsubshard-when-down",
     .type = OptionType::kBoolean,
     .default_value = "yes",
     .changeable = true,
     .summary = "Shard channels are served although cluster-require-full-coverage refuses requests.",
     .field = &Options::cluster_allow_pubsubshard_when_down},
    {.name = "cluster-read-from-replica",
     .type = OptionType::kBoolean,
     .default_value = "no",
     .changeable = true,
     .summary = "A replica answers reads of all clients while the primary of the slot is unreachable.",
     .field = &Options::cluster_read_from_replica},
    {.name = "cluster-node-timeout",
     .type = OptionType::kInteger,
     .default_value = "15000",
     .least = 0,
     .taken_within = {10, INT32_MAX},
     .changeable = true,
     .summary = "Milliseconds after which a node that has answered nothing has failed, and with it the requests that "
                "were forwarded to it.",
     .field = &Options::cluster_node_timeout},
    {.name = "cluster-proxy-max-parts",
     .type = OptionType::kInteger,
     .default_value = "100000",
     .least = 1,
     .most = INT32_MAX,
     .changeable = true,
     .summary = "Maximum number of keys of different slots in a forwarded request.",
     .field = &Options::cluster_proxy_max_parts},
};

}  // namespace

std::span<const OptionRow> ClusterOptions() { return kClusterOptions; }

}  // namespace ringkv::server
