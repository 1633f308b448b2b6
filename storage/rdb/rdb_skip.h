// SPDX-License-Identifier: MIT
// How to get past what RingKV has no place for: streams, what modules keep, and the hashes of Redis before 2.6.
#pragma once

#include "storage/rdb/rdb_codec.h"

namespace ringkv::storage {

// False if the type is unknown, or the value not whole.
bool SkipRdbValue(RdbInput& in, RdbType type);
// What a module has written: numbers and strings, up to an end mark.
void SkipModuleValues(RdbInput& in);

}  // namespace ringkv::storage
