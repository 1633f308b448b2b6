// SPDX-License-Identifier: MIT
// Constants of the RDB format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ringkv::storage {

constexpr std::string_view kRdbMagic = "REDIS";         // then the version in four digits
constexpr std::string_view kValkeyRdbMagic = "VALKEY";  // then the version in three digits
constexpr size_t kRdbHeadBytes = 9;                     // of either
constexpr int kOldestRdbVersion = 9;                    // Redis 5
constexpr int kNewestRdbVersion = 12;                   // Redis 7.4 and 8.0
constexpr int kWrittenRdbVersion = 10;                  // Redis 7.0
constexpr int kFieldExpiryRdbVersion = 12;              // the first one with fields that expire
constexpr int kValkeyRdbVersion = 80;                   // Valkey 9; types behind kStreamListpacks3 are its own

// Opcodes: the bytes before parts of the file other than keys.
namespace rdb_opcode {
constexpr uint8_t kFunctionOld = 246;
constexpr uint8_t kFunction = 245;
constexpr uint8_t kSlotInfo = 244;
constexpr uint8_t kSlotImport = 243;  // of Valkey
constexpr uint8_t kModuleAux = 247;
constexpr uint8_t kIdle = 248;
constexpr uint8_t kFrequency = 249;
constexpr uint8_t kAux = 250;
constexpr uint8_t kResizeDatabase = 251;
constexpr uint8_t kExpiryMs = 252;
constexpr uint8_t kExpirySeconds = 253;
constexpr uint8_t kSelectDatabase = 254;
constexpr uint8_t kEnd = 255;
}  // namespace rdb_opcode

// The type and the encoding of a value: the first byte of a key or of a payload, unless TypeOfByte says otherwise.
enum class RdbType : uint8_t {
  kString = 0,
  kList = 1,
  kSet = 2,
  kSortedSetText = 3,
  kHash = 4,
  kSortedSet = 5,
  kModule = 7,
  kHashZipmap = 9,
  kListZiplist = 10,
  kSetIntset = 11,
  kSortedSetZiplist = 12,
  kHashZiplist = 13,
  kListQuicklist = 14,
  kStreamListpacks = 15,
  kHashListpack = 16,
  kSortedSetListpack = 17,
  kListQuicklist2 = 18,
  kStreamListpacks2 = 19,
  kSetListpack = 20,
  kStreamListpacks3 = 21,
  kHashMetadataEarly = 22,    // of release candidates of Redis 7.4
  kHashListpackExEarly = 23,  // likewise
  kHashMetadata = 24,         // with fields that expire
  kHashListpackEx = 25,       // likewise
  kHashOfValkey = 128,        // likewise; its byte is 22
};

// Of the byte in a file or a payload of this version. None if the type is unknown.
std::optional<RdbType> TypeOfByte(uint8_t byte, int version);
// Whether the first nine bytes of a file, or fewer, are those of an RDB file.
constexpr bool BeginsRdbFile(std::string_view head) {
  return head.starts_with(kRdbMagic) || head.starts_with(kValkeyRdbMagic);
}
constexpr bool IsNewerRdbVersion(int version) { return version > kNewestRdbVersion && version != kValkeyRdbVersion; }

// The name in TYPE.
std::string_view NameOf(RdbType type);

}  // namespace ringkv::storage
