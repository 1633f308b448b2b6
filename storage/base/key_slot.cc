// SPDX-License-Identifier: MIT
#include "storage/base/key_slot.h"

#include <array>

namespace ringkv::storage {
namespace {

constexpr uint16_t kPolynomial = 0x1021;
constexpr size_t kStride = 8;
using Tables = std::array<std::array<uint16_t, 256>, kStride>;

// tables[k][b]: what byte b leaves behind when k more bytes of zeros have followed it. So eight bytes are looked up at
// once and do not wait for each other.
constexpr Tables MakeTables() {
  Tables tables{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    auto crc = static_cast<uint16_t>(byte << 8);
    for (int bit = 0; bit < 8; ++bit) {
      crc = static_cast<uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ kPolynomial : crc << 1);
    }
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < kStride; ++k) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      const uint16_t before = tables[k - 1][byte];
      tables[k][byte] = static_cast<uint16_t>((before << 8) ^ tables[0][before >> 8]);
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

}  // namespace

uint16_t Crc16(std::string_view bytes) {
  uint16_t crc = 0;
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  size_t left = bytes.size();
  for (; left >= kStride; left -= kStride, at += kStride) {
    crc = static_cast<uint16_t>(kTables[7][at[0] ^ (crc >> 8)] ^ kTables[6][at[1] ^ (crc & 0xff)] ^ kTables[5][at[2]] ^
                                kTables[4][at[3]] ^ kTables[3][at[4]] ^ kTables[2][at[5]] ^ kTables[1][at[6]] ^
                                kTables[0][at[7]]);
  }
  for (; left > 0; --left, ++at) crc = static_cast<uint16_t>((crc << 8) ^ kTables[0][(crc >> 8) ^ *at]);
  return crc;
}

SlotNumber KeySlot(std::string_view key) {
  const size_t open = key.find('{');
  if (open != std::string_view::npos) {
    const size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  return Crc16(key) % kSlots;
}

}  // namespace ringkv::storage
