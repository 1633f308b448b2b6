// SPDX-License-Identifier: MIT
// Options of a cluster.
#include "server/options/option_topics.h"

namespace ringkv::server {
namespace {

constexpr OptionRow kClusterOptions[] = {
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
     .summary = "Address of nodes in redirects, CLUSTER SLOTS and CLUSTER SHARDS. ip, hostname: the host in "
                "cluster-config; unknown-endpoint: none, so that clients keep the host that they have connected to.",
     .field = &Options::cluster_preferred_endpoint_type},
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
     .summary = "Milliseconds that another node may take to answer a forwarded request.",
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
