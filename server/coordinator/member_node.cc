// SPDX-License-Identifier: MIT
#include "server/coordinator/member_node.h"

#include <string>

#include "server/replication/history_file.h"

namespace ringkv::server {
namespace {

// What was acknowledged before the start was synced, and is in the files.
bool FilesHaveAll(storage::FileSystem& files, storage::Durability& durability) {
  const bool syncs = durability.wants_log() && durability.log().policy() == storage::SyncPolicy::kAlways;
  return syncs && NamesHistory(files);
}

}  // namespace

MemberNode::MemberNode(Replication& replication, DataKeeper& data, Log& log, storage::FileSystem& files)
    : replication_(replication), data_(data), log_(log), has_all_(FilesHaveAll(files, data.durability())) {}

void MemberNode::Observe() { has_all_ = has_all_ || replication_.link().has_caught_up(); }

cluster::ShardMember::Node::Copy MemberNode::copy() {
  Observe();
  // A part of a snapshot is less than whatever others have.
  if (replication_.history().is_replacing()) return {};
  return {replication_.history().epoch(), replication_.replica_offset(), has_all_};
}

std::vector<cluster::MemberAck> MemberNode::acks() {
  acks_ = replication_.feeds().acks();
  std::vector<cluster::MemberAck> views;
  views.reserve(acks_.size());
  for (const ReplicaFeeds::NodeAck& each : acks_) views.push_back({each.member, each.last});
  return views;
}

void MemberNode::CutOff() {
  log_.Notice("coordinator: this node is cut off from its primary, and may take its place");
  replication_.CutOff();
}

void MemberNode::Follow(const cluster::Lead& lead) {
  log_.Notice("coordinator: the primary is " + lead.host + ":" + std::to_string(lead.port) + ", epoch " +
              std::to_string(lead.epoch));
  led_epoch_ = 0;
  replication_.SetLeaseEnd(0);  // it serves nothing as a primary from before it is none
  replication_.FollowElected({lead.host, static_cast<int>(lead.port), lead.id}, lead.epoch);
}

void MemberNode::BecomePrimary(uint64_t epoch) {
  has_all_ = true;  // whoever is elected says what is true
  replication_.BecomeElected(epoch);
  led_epoch_ = epoch;
}

}  // namespace ringkv::server
