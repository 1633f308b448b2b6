// SPDX-License-Identifier: MIT
#include "cluster/replication/acks.h"

#include <algorithm>
#include <functional>

namespace ringkv::cluster {

std::vector<storage::Lsn> BestOfEachMember(std::span<const MemberAck> acks) {
  std::vector<MemberAck> best;
  for (const MemberAck& ack : acks) {
    const auto same = std::find_if(best.begin(), best.end(), [&](const MemberAck& each) {
      return !each.member.empty() && each.member == ack.member;
    });
    if (same == best.end()) {
      best.push_back(ack);
    } else {
      same->last = std::max(same->last, ack.last);
    }
  }
  std::vector<storage::Lsn> lasts;
  lasts.reserve(best.size());
  for (const MemberAck& each : best) lasts.push_back(each.last);
  return lasts;
}

storage::Lsn QuorumLsn(std::span<const storage::Lsn> acknowledged, size_t nodes, storage::Lsn own) {
  const size_t majority = nodes / 2 + 1;
  if (majority <= 1) return own;
  if (acknowledged.size() + 1 < majority) return 0;
  std::vector<storage::Lsn> best(acknowledged.begin(), acknowledged.end());
  std::sort(best.begin(), best.end(), std::greater<>());
  return std::min(own, best[majority - 2]);
}

storage::Lsn LsnOfAll(std::span<const std::string> members, std::span<const MemberAck> acks, storage::Lsn own) {
  for (const std::string& member : members) {
    storage::Lsn best = 0;
    for (const MemberAck& ack : acks) {
      if (ack.member == member) best = std::max(best, ack.last);
    }
    own = std::min(own, best);
  }
  return own;
}

size_t CountAtLeast(std::span<const storage::Lsn> acknowledged, storage::Lsn lsn) {
  return static_cast<size_t>(
      std::count_if(acknowledged.begin(), acknowledged.end(), [&](storage::Lsn each) { return each >= lsn; }));
}

}  // namespace ringkv::cluster
