// SPDX-License-Identifier: MIT
// What the acknowledgements of replicas add up to.
#pragma once

#include <cstddef>
#include <span>

#include "storage/base/lsn.h"

namespace ringkv::cluster {

// The last group that a majority of `nodes` has: the primary, which has all up to `own`, and replicas with what they
// have acknowledged. 0 if so few are there that no majority can be had.
storage::Lsn QuorumLsn(std::span<const storage::Lsn> acknowledged, size_t nodes, storage::Lsn own);
// How many of them have it.
size_t CountAtLeast(std::span<const storage::Lsn> acknowledged, storage::Lsn lsn);

}  // namespace ringkv::cluster
