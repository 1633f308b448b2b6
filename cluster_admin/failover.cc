// SPDX-License-Identifier: MIT
// A primary that was elected gives its lead to a replica that has everything (FAILOVER): before it is stopped, or to
// another machine.
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cluster_admin/elected_shards.h"
#include "cluster_admin/jobs.h"
#include "cluster_admin/node_client.h"

namespace ringkv::cluster_admin {
namespace {

using cluster::Lead;
using cluster::LivingNode;
using storage::Fail;
using storage::Result;
using storage::Status;

constexpr auto kLongestHandover = std::chrono::seconds(30);
constexpr auto kLeadNap = std::chrono::milliseconds(20);

Result<const ElectedShard*> ShardOf(const ElectedShards& all, const std::string& name) {
  if (const ElectedShard* const found = all.FindShard(name)) return found;
  std::string known;
  for (const ElectedShard& shard : all.shards) known += (known.empty() ? "" : ", ") + shard.name;
  return Fail("there is no shard '" + name + "': there are " + known);
}

Result<std::string> IdOf(const ElectedShards& all, const ElectedShard& shard, const std::string& node) {
  const Result<ElectedShards::Found> found = all.Find(node);
  if (!found) return tl::unexpected(found.error());
  if (found->shard != &shard) return Fail("node " + all.NameOf(found->id) + " is of shard " + found->shard->name);
  return found->id;
}

Result<LivingNode> LivingOf(const ElectedShards& all, const std::string& id) {
  const auto found = all.nodes.find(id);
  if (found == all.nodes.end()) return Fail("node " + all.NameOf(id) + " is not there");
  return found->second;
}

// Waits for another lead than this one.
Status AwaitSuccessor(Coordinator& coordinator, NodeClient& primary, const std::string& name, const Lead& before) {
  const auto end = std::chrono::steady_clock::now() + kLongestHandover;
  while (std::chrono::steady_clock::now() < end) {
    // In this order: a primary that has given its lead away is not busy any more.
    const Result<std::string> state = primary.Info("master_failover_state");
    const Result<ElectedShards> all = ReadShards(coordinator);
    if (!all) return tl::unexpected(all.error());
    const Result<const ElectedShard*> shard = ShardOf(*all, name);
    if (!shard) return tl::unexpected(shard.error());
    const auto& lead = (*shard)->view.lead();
    if (lead && lead->epoch > before.epoch) {
      SayWhoLeads(*all, **shard);
      return {};
    }
    if (state && *state == "no-failover") {
      return Fail("node " + all->NameOf(before.id) + " has kept the lead: its log says why");
    }
    std::this_thread::sleep_for(kLeadNap);
  }
  return Fail("shard " + name + " has no new primary yet: status shows how it goes on");
}

}  // namespace

Status FailOverShard(const CoordinatorOptions& options, const FailoverRequest& request) {
  const Result<std::unique_ptr<Coordinator>> coordinator = Coordinator::Open(options);
  if (!coordinator) return tl::unexpected(coordinator.error());
  const Result<ElectedShards> all = ReadShards(**coordinator);
  if (!all) return tl::unexpected(all.error());
  const Result<const ElectedShard*> shard = ShardOf(*all, request.shard);
  if (!shard) return tl::unexpected(shard.error());
  const std::optional<Lead> lead = (*shard)->view.lead();
  if (!request.from.empty()) {
    const Result<std::string> from = IdOf(*all, **shard, request.from);
    if (!from) return tl::unexpected(from.error());
    if (!lead || lead->id != *from) {
      std::printf("node %s is not the primary of shard %s\n", all->NameOf(*from).c_str(), request.shard.c_str());
      std::fflush(stdout);
      return {};
    }
  }
  if (!lead) return Fail("shard " + request.shard + " has no primary that could hand over");
  std::vector<std::string> command = {"FAILOVER"};
  if (!request.to.empty()) {
    const Result<std::string> to = IdOf(*all, **shard, request.to);
    if (!to) return tl::unexpected(to.error());
    if (*to == lead->id) return Fail("node " + all->NameOf(*to) + " is the primary already");
    const Result<LivingNode> heir = LivingOf(*all, *to);
    if (!heir) return tl::unexpected(heir.error());
    command.insert(command.end(), {"TO", heir->host, std::to_string(heir->port)});
  }
  const Result<LivingNode> living = LivingOf(*all, lead->id);
  if (!living) return tl::unexpected(living.error());
  const Result<std::unique_ptr<NodeClient>> primary = NodeClient::Connect(living->host, static_cast<int>(living->port));
  if (!primary) return tl::unexpected(primary.error());
  const Result<resp::Reply> begun = (*primary)->Ask(command);
  if (!begun) return tl::unexpected(begun.error());
  return AwaitSuccessor(**coordinator, **primary, request.shard, *lead);
}

}  // namespace ringkv::cluster_admin
