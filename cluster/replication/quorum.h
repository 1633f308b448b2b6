// SPDX-License-Identifier: MIT
// Which changes a majority of a shard has (repl-ack quorum), or its whole in-sync set (with a coordinator): counts the
// members of the shard, and evaluates what each has acknowledged.
//
// Threads: guarded by its owner.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cluster/replication/acks.h"
#include "cluster/replication/kept_history.h"
#include "storage/base/lsn.h"

namespace ringkv::cluster {

class Quorum {
 public:
  // `history` must outlive the object: it remembers how many members there were.
  explicit Quorum(KeptHistory& history) : history_(history) {}

  // Who belongs to the shard.
  struct Shard {
    size_t nodes = 0;                                                // as configured; 0: as below
    std::optional<std::vector<std::string>> members = std::nullopt;  // of the topology; none: whoever has come so far
    // Instead of a majority: these replicas, all of them.
    std::optional<std::vector<std::string>> required = std::nullopt;
  };
  // `acks`: of the connections of replicas; `own`: the last group here. True if `last` has changed.
  bool Update(const Shard& shard, std::span<const MemberAck> acks, storage::Lsn own);
  // Nobody waits for a majority.
  void SwitchOff();

  // The last group that a majority has, or all that are required. Where none are needed: UINT64_MAX.
  storage::Lsn last() const { return last_; }

 private:
  storage::Lsn LsnOfMajority(const Shard& shard, std::span<const MemberAck> acks, storage::Lsn own);
  size_t CountNodes(const Shard& shard, size_t replicas);

  KeptHistory& history_;
  storage::Lsn last_ = 0;
};

}  // namespace ringkv::cluster
