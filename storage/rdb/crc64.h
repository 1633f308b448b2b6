// SPDX-License-Identifier: MIT
// CRC-64 with the polynomial of D. T. Jones (0xad93d23594c935a9, reflected), as RDB files and DUMP payloads end with.
#pragma once

#include <cstdint>
#include <string_view>

namespace ringkv::storage {

// Continues from `crc`, the result for the bytes before; 0 at the beginning.
uint64_t Crc64(uint64_t crc, std::string_view bytes);

}  // namespace ringkv::storage
