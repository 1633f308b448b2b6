// SPDX-License-Identifier: MIT
// Options of a coordinator, which decides the roles of a shard's nodes.
#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "cluster/failover/coordinator_address.h"
#include "server/config/has_coordinator.h"
#include "server/options/option_topics.h"

namespace ringkv::server {
namespace {

std::string CheckCoordinator(std::string_view value) {
  if (value == kStaticCoordinator) return {};
  const storage::Result<cluster::CoordinatorAddress> address = cluster::ParseCoordinator(value);
  return address ? "" : "it " + address.error().text;
}

// As in a topology.
std::string CheckShard(std::string_view value) {
  constexpr size_t kLongest = 40;
  const bool is_name = value.size() <= kLongest && std::all_of(value.begin(), value.end(), [](char each) {
                         return std::isalnum(static_cast<unsigned char>(each)) != 0 || each == '-' || each == '_';
                       });
  return is_name ? "" : "it takes a name of up to 40 letters, digits, - and _";
}

constexpr OptionRow kCoordinatorOptions[] = {
    {.name = "coordinator",
     .type = OptionType::kText,
     .default_value = kStaticCoordinator,
     .summary = "Who decides which node of the shard is the primary. static: the operator (replicaof, REPLICAOF); "
                "etcd://HOST:PORT,.../NAME: an election through these members of etcd, or etcds:// with TLS; NAME is "
                "the same for all nodes of the shard.",
     .field = &Options::coordinator,
     .check = CheckCoordinator},
    {.name = "shard",
     .type = OptionType::kText,
     .default_value = "",
     .summary =
         "With a coordinator and cluster-enabled yes: name of the shard that this node is of, as in the topology "
         "that ringkv-cluster init has written.",
     .field = &Options::shard,
     .check = CheckShard},
    {.name = "coordinator-user",
     .type = OptionType::kText,
     .default_value = "",
     .summary = "User of etcd; empty for none.",
     .field = &Options::coordinator_user},
    {.name = "coordinator-password",
     .type = OptionType::kText,
     .default_value = "",
     .is_secret = true,
     .summary = "Password of that user.",
     .field = &Options::coordinator_password},
    {.name = "coordinator-ca-cert-file",
     .type = OptionType::kText,
     .default_value = "",
     .summary = "Certificates of authorities that vouch for the members of etcd (etcds://); empty for those of the "
                "system.",
     .field = &Options::coordinator_ca_cert_file},
    {.name = "coordinator-cert-file",
     .type = OptionType::kText,
     .default_value = "",
     .summary = "Certificate that this node shows to etcd; empty for none.",
     .field = &Options::coordinator_cert_file},
    {.name = "coordinator-key-file",
     .type = OptionType::kText,
     .default_value = "",
     .summary = "Private key of that certificate.",
     .field = &Options::coordinator_key_file},
    {.name = "coordinator-ttl",
     .type = OptionType::kInteger,
     .default_value = "3",
     .least = 2,
     .most = 3600,
     .summary =
         "Seconds that the lease of a primary lasts: without an answer of etcd for so long it serves nothing any "
         "more, and then another node is elected.",
     .field = &Options::coordinator_ttl},
    {.name = "coordinator-min-in-sync",
     .type = OptionType::kInteger,
     .default_value = "1",
     .least = 1,
     .most = 1024,
     .summary = "With a coordinator: the in-sync set of the shard does not shrink below so many nodes, the primary "
                "included; while fewer keep pace, writes are refused.",
     .field = &Options::coordinator_min_in_sync},
};

}  // namespace

std::span<const OptionRow> CoordinatorOptions() { return kCoordinatorOptions; }

}  // namespace ringkv::server
