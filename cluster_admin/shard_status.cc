// SPDX-License-Identifier: MIT
// Shows the shards whose primaries are elected: what etcd says of them, and what their nodes say.
#include <algorithm>
#include <cstdio>
#include <set>
#include <string>

#include "cluster_admin/elected_shards.h"
#include "cluster_admin/jobs.h"
#include "cluster_admin/node_client.h"

namespace ringkv::cluster_admin {
namespace {

using cluster::EtcdAnswer;
using storage::Fail;
using storage::Result;
using storage::Status;

struct MemberRow {
  std::string id;
  std::string address = "-";
  std::string role = "-";
  std::string in_sync = "-";
  std::string offset = "-";
  std::string keys = "-";
  std::string memory = "-";
  std::string state = {};
};

void PrintMember(const MemberRow& row) {
  std::printf("%-12s %-22s %-8s %-7s %12s %10s %9s  %s\n", row.id.c_str(), row.address.c_str(), row.role.c_str(),
              row.in_sync.c_str(), row.offset.c_str(), row.keys.c_str(), row.memory.c_str(), row.state.c_str());
}

// Fills the row with what the node says of itself. An error if it is not as it should be.
Status AskMember(const cluster::LivingNode& node, bool leads, MemberRow* row) {
  Result<std::unique_ptr<NodeClient>> client = NodeClient::Connect(node.host, static_cast<int>(node.port));
  if (!client) return tl::unexpected(client.error());
  const auto info = [&](const char* field) { return (*client)->Info(field).value_or(""); };
  const Result<resp::Reply> keys = (*client)->Ask({"DBSIZE"});
  if (keys) row->keys = std::to_string(keys->integer);
  const Result<std::string> role = (*client)->Info("role");
  if (!role) return tl::unexpected(role.error());
  row->role = *role == "master" ? "primary" : "replica";
  row->memory = info("used_memory_human");
  row->offset = info(*role == "master" ? "master_repl_offset" : "slave_repl_offset");
  if (!keys && leads) return tl::unexpected(keys.error());
  if (leads) return *role == "master" ? Status() : Fail("leads according to etcd only");
  if (*role == "master") return Fail("takes itself for the primary");
  if (const std::string link = info("master_link_status"); link != "up") {
    return Fail("its link to the primary is " + link);
  }
  row->state = "ok, " + info("slave_lag_ms") + " ms behind";
  return {};
}

// Another node has come to the address of this one, whose key etcd keeps for some seconds.
bool IsSucceededAt(const ElectedShards& all, const std::string& id) {
  const auto is_later = [&](const auto& each) {
    return each.first != id && all.NameOf(each.first) == all.NameOf(id) &&
           all.node_revisions.at(each.first) > all.node_revisions.at(id);
  };
  return std::any_of(all.nodes.begin(), all.nodes.end(), is_later);
}

// Whether it is as it should be.
bool Show(const ElectedShards& all, const ElectedShard& shard, const std::string& id) {
  const cluster::ShardRecord& record = *shard.view.record();
  const bool leads = shard.view.lead() && shard.view.lead()->id == id;
  const bool is_in_sync = cluster::IsAmong(record.in_sync, id);
  MemberRow row{.id = ShortId(id), .in_sync = is_in_sync ? "yes" : "no", .state = "ok"};
  const auto found = all.nodes.find(id);
  Status is_well = found == all.nodes.end() ? Fail("is not there; leave strikes it off") : Status();
  if (is_well && IsSucceededAt(all, id)) is_well = Fail("is gone: another node has its address");
  if (is_well) {
    row.address = all.NameOf(id);
    is_well = AskMember(found->second, leads, &row);
  }
  if (is_well && !cluster::IsAmong(record.members, id)) is_well = Fail("is about to join");
  if (is_well && !is_in_sync) is_well = Fail("not in sync yet");
  if (!is_well) row.state = is_well.error().text;
  PrintMember(row);
  return is_well.has_value();
}

std::string DescribeLead(Coordinator& coordinator, const ElectedShards& all, const ElectedShard& shard) {
  const std::optional<cluster::Lead>& lead = shard.view.lead();
  if (!lead) {
    const size_t candidates = shard.view.candidates().size();
    return "no primary" + (candidates == 0 ? "" : ", " + std::to_string(candidates) + " stand for election");
  }
  const std::string name = "primary " + all.NameOf(lead->id);
  const Result<EtcdAnswer> lease = coordinator.Ask(cluster::LookAtLease{shard.view.LeaseOf(shard.keys.lead())});
  if (!lease || lease->outcome != EtcdAnswer::Outcome::kDone) return name + ", whose lease has ended";
  return name + ", lease " + std::to_string(lease->ttl_seconds) + " s";
}

// The slots that the topology gives it; empty without cluster mode.
std::string DescribeSlots(const ElectedShards& all, const ElectedShard& shard) {
  if (!all.topology) return {};
  const cluster::ShardIndex index = all.topology->FindShard(shard.name);
  if (index == cluster::kNoShard) return ", not in the topology";
  return ", " + std::to_string(all.topology->slots().CountOf(index)) + " slots";
}

// Whether each shard of the topology has had a node.
Status AreAllBegun(const ElectedShards& all) {
  if (!all.topology) return {};
  for (const cluster::Shard& shard : all.topology->shards()) {
    const bool is_begun = std::any_of(all.shards.begin(), all.shards.end(),
                                      [&](const ElectedShard& each) { return each.name == shard.name; });
    if (!is_begun) return Fail("shard " + shard.name + " has no node yet");
  }
  return {};
}

// The members, and nodes that are about to be.
std::set<std::string> NodesOf(const ElectedShards& all, const ElectedShard& shard) {
  const std::vector<std::string>& members = shard.view.record()->members;
  std::set<std::string> ids(members.begin(), members.end());
  for (const auto& [id, node] : all.nodes) {
    if (node.shard == shard.name) ids.insert(id);
  }
  return ids;
}

}  // namespace

Status ShowElectedShards(const CoordinatorOptions& options) {
  const Result<std::unique_ptr<Coordinator>> coordinator = Coordinator::Open(options);
  if (!coordinator) return tl::unexpected(coordinator.error());
  const Result<ElectedShards> all = ReadShards(**coordinator);
  if (!all) return tl::unexpected(all.error());
  size_t failed = 0;
  bool lacks_primary = false;
  for (const ElectedShard& shard : all->shards) {
    const cluster::ShardRecord& record = *shard.view.record();
    std::printf("shard %s: epoch %llu, %s, %zu of %zu members in sync%s\n", shard.name.c_str(),
                static_cast<unsigned long long>(record.epoch), DescribeLead(**coordinator, *all, shard).c_str(),
                record.in_sync.size(), record.members.size(), DescribeSlots(*all, shard).c_str());
    lacks_primary = lacks_primary || !shard.view.lead();
    PrintMember({"node", "address", "role", "in-sync", "offset", "keys", "memory", "state"});
    for (const std::string& id : NodesOf(*all, shard)) failed += Show(*all, shard, id) ? 0 : 1;
  }
  std::fflush(stdout);
  if (Status begun = AreAllBegun(*all); !begun) return begun;
  if (lacks_primary) return Fail("a shard has no primary");
  return failed == 0 ? Status() : Fail(std::to_string(failed) + " nodes are not as they should be");
}

}  // namespace ringkv::cluster_admin
