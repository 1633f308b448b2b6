// SPDX-License-Identifier: MIT
// Evaluates the acknowledgements of replicas.
#pragma once

#include <cstddef>
#include <span>

#include "storage/base/lsn.h"

namespace ringkv::cluster {

// The last group that a majority of `nodes` has: the primary has all groups up to `own`, the replicas those that they
// have acknowledged. 0 if there are too few nodes for a majority.
storage::Lsn QuorumLsn(std::span<const storage::Lsn> acknowledged, size_t nodes, storage::Lsn own);
// The number of replicas that have acknowledged the group.
size_t CountAtLeast(std::span<const storage::Lsn> acknowledged, storage::Lsn lsn);

}  // namespace ringkv::cluster
