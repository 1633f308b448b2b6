// SPDX-License-Identifier: MIT
// What an operator decides of a shard whose primary is elected: who has left it for good, and who leads it although it
// may lack writes. Each is one transaction on what it was decided on.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

#include "cluster_admin/elected_shards.h"
#include "cluster_admin/jobs.h"
#include "cluster_admin/node_client.h"

namespace ringkv::cluster_admin {
namespace {

using cluster::CommitKeys;
using cluster::IsAmong;
using cluster::ShardRecord;
using storage::Fail;
using storage::Result;
using storage::Status;

constexpr int kTries = 10;  // while others change the shard
constexpr auto kLongestElection = std::chrono::seconds(30);
constexpr auto kElectionNap = std::chrono::milliseconds(100);

// A change, or why there is none.
using Decision = Result<CommitKeys>;

// Reads, decides by that, and commits if nothing has changed meanwhile; else again. `decide` may print.
template <typename Decide>
Status ChangeShard(Coordinator& coordinator, const std::string& node, Decide&& decide) {
  for (int tries = 0; tries < kTries; ++tries) {
    const Result<ElectedShards> all = ReadShards(coordinator);
    if (!all) return tl::unexpected(all.error());
    const Result<ElectedShards::Found> found = all->Find(node);
    if (!found) return tl::unexpected(found.error());
    const Decision commit = decide(*all, *found);
    if (!commit) return tl::unexpected(commit.error());
    const Result<bool> done = coordinator.Commit(*commit);
    if (!done) return tl::unexpected(done.error());
    if (*done) return {};
  }
  return Fail("the shard changes again and again; try later");
}

// The record as it is read, and the node there or not, as it was.
CommitKeys OnWhatWasRead(const ElectedShards& all, const ElectedShards::Found& node) {
  const std::string record = node.shard->keys.record();
  const auto revision = all.node_revisions.find(node.id);
  return {.conditions = {{record, node.shard->view.RevisionOf(record)},
                         {all.node_keys.node(node.id), revision == all.node_revisions.end() ? 0 : revision->second}}};
}

Decision StrikeOff(const ElectedShards& all, const ElectedShards::Found& node) {
  ShardRecord record = *node.shard->view.record();
  const std::string name = all.NameOf(node.id);
  const auto& lead = node.shard->view.lead();
  if (all.Lives(node.id)) return Fail("node " + name + " lives, and would join again: end it first");
  if (lead && lead->id == node.id) return Fail("node " + name + " is the primary until its lease ends");
  if (record.in_sync == std::vector<std::string>{node.id}) {
    return Fail("only node " + name +
                " has every acknowledged write: bring it back, or give up what only it has, with " + "takeover");
  }
  std::erase(record.members, node.id);
  std::erase(record.in_sync, node.id);
  CommitKeys commit = OnWhatWasRead(all, node);
  commit.puts.push_back({node.shard->keys.record(), Print(record)});
  return commit;
}

// "epoch 3, group 1234", as the node says.
Result<std::string> PositionOf(const cluster::LivingNode& node) {
  const Result<std::unique_ptr<NodeClient>> client = NodeClient::Connect(node.host, static_cast<int>(node.port));
  if (!client) return tl::unexpected(client.error());
  const Result<std::string> epoch = (*client)->Info("repl_epoch");
  if (!epoch) return tl::unexpected(epoch.error());
  return "epoch " + *epoch + ", group " + (*client)->Info("slave_repl_offset").value_or("?");
}

std::string PositionOf(const cluster::Candidate& candidate) {
  return "epoch " + std::to_string(candidate.epoch) + ", group " + std::to_string(candidate.last);
}

// What is known of those who have what is given up.
std::string DescribeLoss(const ElectedShards& all, const ElectedShards::Found& node, const std::string& position) {
  const cluster::ShardView& view = node.shard->view;
  std::string text = "node " + all.NameOf(node.id) + " has everything up to " + position +
                     ". Every write that was acknowledged behind that is lost for good.\n";
  for (const std::string& id : view.record()->in_sync) {
    if (id == node.id) continue;
    const auto standing = view.candidates().find(id);
    text += "  in sync was " + all.NameOf(id) + ": ";
    text += standing == view.candidates().end() ? "it is not there, and nobody knows what it has\n"
                                                : "it has what was up to " + PositionOf(standing->second) + "\n";
  }
  return text;
}

Decision GiveLead(const ElectedShards& all, const ElectedShards::Found& node, bool accepts_loss) {
  const cluster::ShardView& view = node.shard->view;
  ShardRecord record = *view.record();
  const std::string name = all.NameOf(node.id);
  if (view.lead()) return Fail("the shard has a primary, " + all.NameOf(view.lead()->id));
  const auto living = all.nodes.find(node.id);
  if (living == all.nodes.end()) return Fail("node " + name + " is not there");
  for (const auto& [id, candidate] : view.candidates()) {
    if (IsAmong(record.in_sync, id) && candidate.is_intact) {
      return Fail("node " + all.NameOf(id) + " has every acknowledged write and is being elected");
    }
  }
  const Result<std::string> position = PositionOf(living->second);
  if (!position) return tl::unexpected(position.error());
  std::cout << DescribeLoss(all, node, *position) << std::flush;
  if (!accepts_loss) return Fail("nothing has been changed: --accept-loss makes node " + name + " the primary");
  record.in_sync = {node.id};
  if (!IsAmong(record.members, node.id)) record.members.push_back(node.id);
  CommitKeys commit = OnWhatWasRead(all, node);
  commit.conditions.push_back({node.shard->keys.lead(), 0});
  commit.puts.push_back({node.shard->keys.record(), Print(record)});
  return commit;
}

Status AwaitLead(Coordinator& coordinator, const std::string& node) {
  const auto end = std::chrono::steady_clock::now() + kLongestElection;
  while (std::chrono::steady_clock::now() < end) {
    const Result<ElectedShards> all = ReadShards(coordinator);
    if (!all) return tl::unexpected(all.error());
    const Result<ElectedShards::Found> found = all->Find(node);
    if (!found) return tl::unexpected(found.error());
    const auto& lead = found->shard->view.lead();
    if (lead && lead->id == found->id) {
      SayWhoLeads(*all, *found->shard);
      return {};
    }
    std::this_thread::sleep_for(kElectionNap);
  }
  return Fail("node '" + node + "' may lead, but has not taken the lead yet: its log says why");
}

}  // namespace

Status LeaveShard(const CoordinatorOptions& options, const std::string& node) {
  const Result<std::unique_ptr<Coordinator>> coordinator = Coordinator::Open(options);
  if (!coordinator) return tl::unexpected(coordinator.error());
  const Status left = ChangeShard(**coordinator, node, StrikeOff);
  if (!left) return left;
  std::printf("node %s is no member any more\n", node.c_str());
  std::fflush(stdout);
  return {};
}

Status TakeOverShard(const CoordinatorOptions& options, const std::string& node, bool accepts_loss) {
  const Result<std::unique_ptr<Coordinator>> coordinator = Coordinator::Open(options);
  if (!coordinator) return tl::unexpected(coordinator.error());
  const Status given =
      ChangeShard(**coordinator, node, [accepts_loss](const ElectedShards& all, const ElectedShards::Found& found) {
        return GiveLead(all, found, accepts_loss);
      });
  return given ? AwaitLead(**coordinator, node) : given;
}

}  // namespace ringkv::cluster_admin
