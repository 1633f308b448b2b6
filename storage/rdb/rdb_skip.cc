// SPDX-License-Identifier: MIT
#include "storage/rdb/rdb_skip.h"

namespace ringkv::storage {

void SkipModuleValues(RdbInput& in) {
  while (in.ok()) {
    switch (in.Length()) {
      case 0: return;
      case 1:
      case 2: in.Length(); break;
      case 3: in.Bytes(sizeof(float)); break;
      case 4: in.Bytes(sizeof(double)); break;
      case 5: in.String(nullptr); break;
      default: in.Spoil();
    }
  }
}

bool SkipRdbValue(RdbInput& in, RdbType type) {
  if (type != RdbType::kModule) return false;
  in.Length();  // which module
  SkipModuleValues(in);
  return in.ok();
}

}  // namespace ringkv::storage
