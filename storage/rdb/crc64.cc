// SPDX-License-Identifier: MIT
#include "storage/rdb/crc64.h"

#include <array>
#include <cstring>

namespace ringkv::storage {
namespace {

constexpr uint64_t kPolynomial = 0x95ac9329ac4bc9b5;  // the bits of the above in reverse
constexpr size_t kSlices = 8;

using Tables = std::array<std::array<uint64_t, 256>, kSlices>;

// tables[k][b]: what the byte b does to the result when k more bytes follow it.
constexpr Tables MakeTables() {
  Tables tables{};
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ kPolynomial : crc >> 1;
    tables[0][byte] = crc;
  }
  for (size_t slice = 1; slice < kSlices; ++slice) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint64_t before = tables[slice - 1][byte];
      tables[slice][byte] = before >> 8 ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

}  // namespace

uint64_t Crc64(uint64_t crc, std::string_view bytes) {
  while (bytes.size() >= kSlices) {
    uint64_t next;
    std::memcpy(&next, bytes.data(), sizeof next);
    next ^= crc;
    crc = 0;
    for (size_t i = 0; i < kSlices; ++i) crc ^= kTables[kSlices - 1 - i][next >> (8 * i) & 0xff];
    bytes.remove_prefix(kSlices);
  }
  for (const char c : bytes) crc = crc >> 8 ^ kTables[0][(crc ^ static_cast<unsigned char>(c)) & 0xff];
  return crc;
}

}  // namespace ringkv::storage
