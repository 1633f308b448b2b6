// SPDX-License-Identifier: MIT
// The number of a database, as SELECT takes it.
#pragma once

#include <cstdint>

namespace ringkv::storage {

using DbIndex = uint16_t;

}  // namespace ringkv::storage
