// SPDX-License-Identifier: MIT
#include "cluster/replication/quorum.h"

#include <algorithm>
#include <utility>

namespace ringkv::cluster {

using storage::Lsn;

bool Quorum::Update(const Shard& shard, std::span<const MemberAck> acks, Lsn own) {
  // What this node could not name after a restart does not count.
  const bool is_named = history_.IsNamed();
  const Lsn counted = is_named ? own : 0;
  Lsn last = 0;
  if (!shard.required) {
    last = LsnOfMajority(shard, acks, counted);
  } else if (!shard.required->empty()) {
    last = LsnOfAll(*shard.required, acks, counted);
  } else if (is_named) {
    last = UINT64_MAX;
  }
  return std::exchange(last_, last) != last;
}

Lsn Quorum::LsnOfMajority(const Shard& shard, std::span<const MemberAck> acks, Lsn own) {
  std::vector<MemberAck> of_members(acks.begin(), acks.end());
  std::erase_if(of_members, [&](const MemberAck& ack) {
    return shard.members && std::find(shard.members->begin(), shard.members->end(), ack.member) == shard.members->end();
  });
  const std::vector<Lsn> acknowledged = BestOfEachMember(of_members);
  const size_t nodes = CountNodes(shard, acknowledged.size());
  return nodes <= 1 ? UINT64_MAX : QuorumLsn(acknowledged, nodes, own);
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
