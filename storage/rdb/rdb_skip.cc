// SPDX-License-Identifier: MIT
#include "storage/rdb/rdb_skip.h"

namespace ringkv::storage {
namespace {

void SkipStrings(RdbInput& in, uint64_t count) {
  for (; count > 0 && in.ok(); --count) in.String(nullptr);
}

void SkipStream(RdbInput& in, RdbType type) {
  constexpr uint64_t kIdBytes = 16;
  constexpr uint64_t kTimeBytes = 8;
  const bool is_second = type != RdbType::kStreamListpacks;
  const bool is_third = type == RdbType::kStreamListpacks3;
  for (uint64_t nodes = in.Length(); nodes > 0 && in.ok(); --nodes) SkipStrings(in, 2);
  // Entries and the last ID; later also the first ID, the greatest one deleted, and entries ever added.
  for (int numbers = is_second ? 8 : 3; numbers > 0; --numbers) in.Length();
  for (uint64_t groups = in.Length(); groups > 0 && in.ok(); --groups) {
    SkipStrings(in, 1);
    for (int numbers = is_second ? 3 : 2; numbers > 0; --numbers) in.Length();
    for (uint64_t pending = in.Length(); pending > 0 && in.ok(); --pending) {
      in.Bytes(kIdBytes + kTimeBytes);
      in.Length();
    }
    for (uint64_t consumers = in.Length(); consumers > 0 && in.ok(); --consumers) {
      SkipStrings(in, 1);
      in.Bytes(is_third ? 2 * kTimeBytes : kTimeBytes);
      for (uint64_t pending = in.Length(); pending > 0 && in.ok(); --pending) in.Bytes(kIdBytes);
    }
  }
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
    case RdbType::kStreamListpacks:
    case RdbType::kStreamListpacks2:
    case RdbType::kStreamListpacks3: SkipStream(in, type); break;
    case RdbType::kModule:
      in.Length();  // which module
      SkipModuleValues(in);
      break;
    default: in.Spoil();
  }
  return in.ok();
}

}  // namespace ringkv::storage
