// SPDX-License-Identifier: MIT
#include "storage/rdb/rdb_skip.h"

namespace ringkv::storage {
namespace {

void SkipStrings(RdbInput& in, uint64_t count) {
  for (; count > 0 && in.ok(); --count) in.String(nullptr);
}

}  // namespace

void SkipModuleValues(RdbInput& in) {
  while (in.ok()) {
    switch (in.Length()) {
      case 0: return;
      case 1:
      case 2: in.Length(); break;
      case 3: in.Bytes(sizeof(float)); break;
      case 4: in.Bytes(sizeof(double)); break;
      case 5: SkipStrings(in, 1); break;
      default: in.Spoil();
    }
  }
}

bool SkipRdbValue(RdbInput& in, RdbType type) {
  switch (type) {
    case RdbType::kHashZipmap: SkipStrings(in, 1); break;
    case RdbType::kModule:
      in.Length();  // which module
      SkipModuleValues(in);
      break;
    default: in.Spoil();
  }
  return in.ok();
}

}  // namespace ringkv::storage
