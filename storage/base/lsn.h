// SPDX-License-Identifier: MIT
// Log sequence numbers: each group of effects that was applied atomically has the next number. 0 is before the first.
#pragma once

#include <cstdint>

namespace ringkv::storage {

using Lsn = uint64_t;

}  // namespace ringkv::storage
