// SPDX-License-Identifier: MIT
// What happened when: each group of effects that was applied as one has the next number. 0 is before the first.
#pragma once

#include <cstdint>

namespace ringkv::storage {

using Lsn = uint64_t;

}  // namespace ringkv::storage
