// SPDX-License-Identifier: MIT
// Skips values of unsupported types: data of modules.
#pragma once

#include "storage/rdb/rdb_codec.h"

namespace ringkv::storage {

// False if the type is unknown or the value incomplete.
bool SkipRdbValue(RdbInput& in, RdbType type);
// Skips data of a module: numbers and strings, up to an end mark.
void SkipModuleValues(RdbInput& in);

}  // namespace ringkv::storage
