// SPDX-License-Identifier: MIT
// Evaluates the acknowledgements of replicas.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/lsn.h"

namespace ringkv::cluster {

// What one connection of a member of the shard has acknowledged.
struct MemberAck {
  std::string_view member;  // empty: it is known by no id
  storage::Lsn last = 0;
};
// Of each member once: a replica that has reconnected may still have its old connection.
std::vector<storage::Lsn> BestOfEachMember(std::span<const MemberAck> acks);
// The last group that a majority of `nodes` has: the primary has all groups up to `own`, the replicas those that they
// have acknowledged. 0 if there are too few nodes for a majority.
storage::Lsn QuorumLsn(std::span<const storage::Lsn> acknowledged, size_t nodes, storage::Lsn own);
// The last group that the primary, which has all groups up to `own`, and each of these members have.
storage::Lsn LsnOfAll(std::span<const std::string> members, std::span<const MemberAck> acks, storage::Lsn own);
// The number of replicas that have acknowledged the group.
size_t CountAtLeast(std::span<const storage::Lsn> acknowledged, storage::Lsn lsn);

}  // namespace ringkv::cluster
