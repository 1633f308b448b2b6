// SPDX-License-Identifier: MIT
// One row per value type.
#pragma once

#include <string_view>

#include "storage/entry/entry.h"

namespace ringkv::storage {

// The reply of TYPE.
constexpr std::string_view TypeName(ValueType type) {
  switch (type) {
    case ValueType::kString: return "string";
    case ValueType::kHash: return "hash";
    case ValueType::kList: return "list";
    case ValueType::kSet: return "set";
    case ValueType::kSortedSet: return "zset";
    case ValueType::kStream: return "stream";
  }
  return "unknown";
}

}  // namespace ringkv::storage
