// SPDX-License-Identifier: MIT
#include "storage/rdb/rdb_format.h"

namespace ringkv::storage {

std::optional<RdbType> TypeOfByte(uint8_t byte, int version) {
  constexpr uint8_t kHashInValkey = 22;
  const bool is_valkeys = version == kValkeyRdbVersion;
  if (is_valkeys && byte == kHashInValkey) return RdbType::kHashOfValkey;
  const RdbType last = is_valkeys ? RdbType::kStreamListpacks3 : RdbType::kHashListpackEx;
  if (byte > static_cast<uint8_t>(last) || NameOf(static_cast<RdbType>(byte)).empty()) return std::nullopt;
  return static_cast<RdbType>(byte);
}

std::string_view NameOf(RdbType type) {
  switch (type) {
    case RdbType::kString: return "string";
    case RdbType::kList:
    case RdbType::kListZiplist:
    case RdbType::kListQuicklist:
    case RdbType::kListQuicklist2: return "list";
    case RdbType::kSet:
    case RdbType::kSetIntset:
    case RdbType::kSetListpack: return "set";
    case RdbType::kSortedSetText:
    case RdbType::kSortedSet:
    case RdbType::kSortedSetZiplist:
    case RdbType::kSortedSetListpack: return "zset";
    case RdbType::kHash:
    case RdbType::kHashZipmap:
    case RdbType::kHashZiplist:
    case RdbType::kHashListpack:
    case RdbType::kHashMetadataEarly:
    case RdbType::kHashListpackExEarly:
    case RdbType::kHashMetadata:
    case RdbType::kHashListpackEx:
    case RdbType::kHashOfValkey: return "hash";
    case RdbType::kStreamListpacks:
    case RdbType::kStreamListpacks2:
    case RdbType::kStreamListpacks3: return "stream";
    case RdbType::kModule: return "module";
  }
  return "";
}

}  // namespace ringkv::storage
