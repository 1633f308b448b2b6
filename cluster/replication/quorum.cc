// SPDX-License-Identifier: MIT
#include "cluster/replication/quorum.h"

#include <algorithm>
#include <utility>

namespace ringkv::cluster {

using storage::Lsn;

bool Quorum::Update(const Shard& shard, std::span<const MemberAck> acks, Lsn own) {
  std::vector<MemberAck> of_members(acks.begin(), acks.end());
  std::erase_if(of_members, [&](const MemberAck& ack) {
    return shard.members && std::find(shard.members->begin(), shard.members->end(), ack.member) == shard.members->end();
  });
  const std::vector<Lsn> acknowledged = BestOfEachMember(of_members);
  const size_t nodes = CountNodes(shard, acknowledged.size());
  // What this node could not name after a restart does not count.
  const Lsn counted = history_.IsNamed() ? own : 0;
  const Lsn last = nodes <= 1 ? UINT64_MAX : QuorumLsn(acknowledged, nodes, counted);
  return std::exchange(last_, last) != last;
}

void Quorum::SwitchOff() {
  history_.ForgetMembers();
  last_ = 0;
}

size_t Quorum::CountNodes(const Shard& shard, size_t replicas) {
  if (shard.nodes != 0) return shard.nodes;
  if (shard.members) return shard.members->size();
  // Replicas that were ever connected are members, connected or not.
  return history_.CountMembers(replicas + 1);
}

}  // namespace ringkv::cluster
